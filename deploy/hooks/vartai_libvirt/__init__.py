"""The parts of the libvirt hook. They need Python 3.11 and nothing else; docs/libvirt.md says what each operation does."""
