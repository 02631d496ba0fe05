"""What is done inside a machine, through its agent. Values go to the scripts as arguments and never into their text."""

import base64

from .protocol import FAILED, IMPOSSIBLE, AgentSilent, Failure
from .run import AgentRefused

# What can be seen from within. Each line is a name and values; what can't be had has no line.
FACTS = r"""
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
echo "vcpus $(grep -c ^processor /proc/cpuinfo)"
echo "memory_kb $(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
echo "hostname $(cat /proc/sys/kernel/hostname)"
echo "load $(cut -d' ' -f2 /proc/loadavg)"
if rules=$(nft -j list ruleset 2>/dev/null); then
    empty=yes
    case $rules in *'"rule":'* | *'"policy": "drop"'*) empty=no ;; esac
    # Asking after tables of the old kind would make them.
    for family in ip ip6; do
        [ -s "/proc/net/${family}_tables_names" ] || continue
        "${family}tables-legacy-save" 2>/dev/null | grep -qE '^-A |^:[A-Z]+ DROP' && empty=no
    done
    echo "filter_is_empty $empty"
fi
df -P -k / | awk 'NR == 2 { print "root_kb", $2, $3 }'
df -P -i / | awk 'NR == 2 { print "inodes", $2, $3 }'
for address in /sys/class/net/*/address; do
    device=${address%/address}
    ip -o addr show dev "${device##*/}" scope global 2>/dev/null |
        awk -v mac="$(cat "$address")" '{ sub("/.*", "", $4); print "address", mac, $4 }'
done
true
"""

GROW = r"""
set -eu
root=$(findmnt -n -o SOURCE /)
kind=$(findmnt -n -o FSTYPE /)
device=$(basename "$(readlink -f "$root")")
if [ -e "/sys/class/block/$device/partition" ]; then
    number=$(cat "/sys/class/block/$device/partition")
    disk=$(basename "$(readlink -f "/sys/class/block/$device/..")")
    ends=$(( $(cat "/sys/class/block/$device/start") + $(cat "/sys/class/block/$device/size") ))
    # What is smaller than 8 MB is alignment and the second partition table.
    if [ $(( $(cat "/sys/class/block/$disk/size") - ends )) -gt 16384 ]; then
        if command -v growpart >/dev/null; then growpart "/dev/$disk" "$number"
        else echo ', +' | sfdisk --no-reread --force -N "$number" "/dev/$disk"; partx -u -n "$number" "/dev/$disk"
        fi
    fi
fi
case $kind in
    ext2 | ext3 | ext4) resize2fs "$root" ;;
    xfs) xfs_growfs / ;;
    btrfs) btrfs filesystem resize max / ;;
    *) echo "a file system of kind $kind can't be grown" >&2; exit 3 ;;
esac
"""

HOSTNAME = r"""
set -eu
if command -v hostnamectl >/dev/null && hostnamectl set-hostname "$1" 2>/dev/null; then :
else printf '%s\n' "$1" >/etc/hostname; printf '%s' "$1" >/proc/sys/kernel/hostname
fi
short=${1%%.*}
names=$1
[ "$short" = "$1" ] || names="$1 $short"
if grep -q '^127\.0\.1\.1[[:space:]]' /etc/hosts 2>/dev/null
then sed -i "s/^127\.0\.1\.1[[:space:]].*/127.0.1.1 $names/" /etc/hosts
else printf '127.0.1.1 %s\n' "$names" >>/etc/hosts
fi
[ "$(cat /proc/sys/kernel/hostname)" = "$1" ]
"""

# Arguments: the hardware address, name servers separated by commas or "-", then address, prefix, gateway or "-" of each.
NETWORK = r"""
set -eu
mac=$1 dns=$2
shift 2
for address in /sys/class/net/*/address; do
    [ "$(cat "$address")" = "$mac" ] && device=$(basename "$(dirname "$address")")
done
[ -n "${device:-}" ] || { echo "no network device has this address" >&2; exit 3; }
if [ -x /usr/local/sbin/vartai-network ]; then exec /usr/local/sbin/vartai-network "$device" "$dns" "$@"; fi
systemctl is-active --quiet systemd-networkd ||
    { echo "neither systemd-networkd nor /usr/local/sbin/vartai-network" >&2; exit 3; }
file=/etc/systemd/network/05-vartai.network
mkdir -p /etc/systemd/network
{
    printf '[Match]\nMACAddress=%s\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n' "$mac"
    [ "$dns" = - ] || for server in $(printf '%s' "$dns" | tr , ' '); do printf 'DNS=%s\n' "$server"; done
    while [ $# -ge 3 ]; do
        printf '\n[Address]\nAddress=%s/%s\n' "$1" "$2"
        [ "$3" = - ] || printf '\n[Route]\nGateway=%s\nGatewayOnLink=yes\nPreferredSource=%s\n' "$3" "$1"
        wanted="${wanted:-} $1"
        pairs="${pairs:-} $1,$3"
        shift 3
    done
} >"$file.new"
chmod 644 "$file.new"
mv "$file.new" "$file"
networkctl reload
networkctl reconfigure "$device"
if [ "$dns" != - ] && [ ! -L /etc/resolv.conf ]; then
    for server in $(printf '%s' "$dns" | tr , ' '); do printf 'nameserver %s\n' "$server"; done >/etc/resolv.conf
fi
for try in $(seq 60); do
    has=$(ip -o addr show dev "$device" scope global | awk '{ sub("/.*", "", $4); print $4 }' | sort | tr '\n' ' ')
    wants=$(for ip in ${wanted:-}; do echo "$ip"; done | sort | tr '\n' ' ')
    if [ "$has" = "$wants" ]; then
        # The gateway may remember whose these were: what comes from them tells it better.
        for pair in ${pairs:-}; do
            [ "${pair#*,}" = - ] || ping -c 1 -W 1 -I "${pair%,*}" "${pair#*,}" >/dev/null 2>&1 || true
        done
        exit 0
    fi
    sleep 1
done
echo "the addresses are: $has" >&2
exit 4
"""

FLUSH = r"""
if command -v nft >/dev/null; then nft flush ruleset || exit 3; fi
for tool in iptables-legacy ip6tables-legacy iptables ip6tables; do
    command -v "$tool" >/dev/null || continue
    for chain in INPUT FORWARD OUTPUT; do "$tool" -w 5 -P "$chain" ACCEPT || exit 3; done
    for table in filter nat mangle raw security; do
        "$tool" -w 5 -t "$table" -F 2>/dev/null && "$tool" -w 5 -t "$table" -X 2>/dev/null
    done
done
exit 0
"""


class Guest:
    """The inside of a machine."""

    def __init__(self, machine):
        self.machine = machine
        self.virsh = machine.virsh

    def run(self, script, *arguments, seconds=None, changes=True):
        """Runs a shell script of ours inside. What it prints, when it ends with 0; else the failure says why."""
        seconds = seconds or self.machine.config.inside_seconds
        if changes:
            self.virsh.before_change()
            self.virsh.touched = True
        started = self._agent("guest-exec", {
            "path": "/bin/sh", "arg": ["-s", "--", *map(str, arguments)],
            "input-data": base64.b64encode(script.encode()).decode(), "capture-output": True,
        })

        def ended():
            status = self._agent("guest-exec-status", {"pid": started["pid"]}, harmless=True)
            return status if status["exited"] else None

        status = self.machine.clock.wait(seconds, ended, every=0.3)
        if not status:
            raise Failure(FAILED, f"what was to be done inside the machine did not end within {seconds} seconds")
        text = lambda name: base64.b64decode(status.get(name, "")).decode("utf-8", "replace")  # noqa: E731
        if status.get("exitcode") != 0:
            raise Failure(FAILED, f"inside the machine it could not be done: {text('err-data').strip()[-300:]}")
        return text("out-data")

    def _agent(self, command, arguments, harmless=False):
        try:
            return self._told(command, arguments, harmless=harmless)
        except AgentRefused:
            raise Failure(IMPOSSIBLE, f"the machine's guest agent does not allow {command}") from None

    def _told(self, command, arguments, seconds=None, harmless=False):
        try:
            return self.virsh.agent(self.machine.uuid, command, arguments, seconds, harmless)
        except AgentSilent:
            # An agent is as silent as its machine: where that stands still, the storage is the reason, and not the agent.
            self.machine.check_storage()
            raise

    def facts(self, seconds=None):
        """What can be seen from within; None when the agent does not answer."""
        try:
            lines = self.run(FACTS, seconds=seconds, changes=False).splitlines()
        except (Failure, AgentSilent):
            return None
        facts = {"addresses": []}
        for name, *values in (line.split() for line in lines if line.strip()):
            if name == "address" and len(values) == 2:
                facts["addresses"].append(tuple(values))
            elif values:
                facts[name] = values
        return facts if "boot" in facts else None

    def set_password(self, login, password):
        """Gives a user a password."""
        self.virsh.before_change()
        self.virsh.touched = True
        coded = base64.b64encode(password.encode()).decode()
        try:
            self._told("guest-set-user-password", {"username": login, "password": coded, "crypted": False}, 30)
        except AgentRefused:
            raise Failure(IMPOSSIBLE, "the system does not take the password: has it this user?") from None

    def set_hostname(self, hostname):
        """Gives the system a name."""
        self.run(HOSTNAME, hostname)

    def set_addresses(self, mac, addresses):
        """Gives the system its addresses, those and no others."""
        parts = [part for one in addresses for part in (one.ip, one.prefix, one.gateway or "-")]
        self.run(NETWORK, mac, ",".join(self.machine.config.dns) or "-", *parts)

    def grow(self):
        """Makes the file system as large as the disk."""
        self.run(GROW)

    def flush_filter(self):
        """Empties the packet filter."""
        self.run(FLUSH)
