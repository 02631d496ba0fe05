"""What a machine's tap lets through: addresses, the limits of the firewall, bandwidth.

One nftables table of the bridge family for each server, replaced as a whole. It names the tap, which has the same name
at every start, so that it holds over restarts of the machine; the guard loads it after a restart of the host.
"""

import dataclasses
import ipaddress
import json

from . import domain
from .capabilities import bandwidth_mode
from .protocol import LIMITS, PERSON, Address, Failure
from .run import Failed, run

# A connection counts for as long as something of it was seen within this time.
IDLE = "2m"


class Network:
    """The tap of one server."""

    def __init__(self, config, server, machine, kept):
        self.config = config
        self.server = server
        self.machine = machine
        self.store = kept
        self.tap = domain.tap_of(server)
        self.table = table_of(server)

    def set(self, addresses=None, firewall=None, bandwidth_mbps=None):
        """Brings into force what is given, and keeps what is not as it was. What was asked for lasts over restarts."""
        wanted = self.store.read("network", {"addresses": None, "firewall": {}, "bandwidth_mbps": None})
        if addresses is not None:
            wanted["addresses"] = [dataclasses.asdict(one) for one in addresses]
        if firewall is not None:
            wanted["firewall"] = firewall
        if bandwidth_mbps is not None:
            wanted["bandwidth_mbps"] = bandwidth_mbps
        wanted["mode"] = bandwidth_mode(self.config)
        self.machine.virsh.before_change()
        self.machine.virsh.touched = True
        self.store.keep("network", wanted)
        if wanted["mode"] == "libvirt" and wanted["bandwidth_mbps"]:
            self._tune(wanted["bandwidth_mbps"])
        apply(self.config, self.server, wanted)

    def _tune(self, mbps):
        # Libvirt counts in kilobytes of 1000 bytes.
        rate = str(mbps * 125)
        scope = ["--config", "--live"] if self.machine.active() else ["--config"]
        mac = domain.mac_of(self.config, self.server)
        self.machine.virsh.change("domiftune", self.machine.uuid, mac, "--inbound", rate, "--outbound", rate, *scope)

    def remove(self):
        """Takes the rules away."""
        nft(f"table bridge {self.table} {{}}\ndelete table bridge {self.table}\n")

    def limits(self):
        """The limits that the kernel has; None when there is no table of the server."""
        try:
            listed = json.loads(run(["nft", "-j", "list", "table", "bridge", self.table], 10))["nftables"]
        except Failed as failed:
            if "No such file" in failed.text:
                return None
            raise
        limits = dict.fromkeys(LIMITS, 0)
        for rule in (entry["rule"] for entry in listed if "rule" in entry):
            rates = [part["limit"]["rate"] for part in rule["expr"] if "limit" in part]
            if rule.get("comment") in limits and rates:
                limits[rule["comment"]] = rates[0]
        for found in (entry["set"] for entry in listed if "set" in entry):
            if found["name"] == "connections":
                limits["connlimit"] = found["size"]
        return limits

    def allowed(self):
        """The addresses that the machine may use; None when it may use any."""
        return None if (own := self.addresses()) is None or not self.config.anti_spoofing else {one.ip for one in own}

    def addresses(self):
        """The addresses that it was given; None when others give it some."""
        given = self.store.read("network", {}).get("addresses")
        return None if given is None else tuple(Address(**one) for one in given)

    def bandwidth_mbps(self):
        """The bandwidth that the tap has; of a machine that is off, what it will have."""
        wanted = self.store.read("network", {})
        if not self.machine.active() or wanted.get("mode") == "none":
            return wanted.get("bandwidth_mbps")
        if wanted.get("mode") == "libvirt":
            mac = domain.mac_of(self.config, self.server)
            lines = self.machine.virsh.ask("domiftune", self.machine.uuid, mac, "--live").splitlines()
            values = dict(line.replace(" ", "").split(":", 1) for line in lines if ":" in line)
            return int(values.get("inbound.average", 0)) // 125 or None
        for discipline in json.loads(run(["tc", "-j", "qdisc", "show", "dev", self.tap], 10)):
            if discipline["kind"] == "tbf":
                return discipline["options"]["rate"] * 8 // 1_000_000
        return None


def table_of(server):
    """The name of a server's table."""
    return "vartai_" + server.replace("-", "_")


def apply(config, server, wanted):
    """Loads the rules of a server, and limits its tap when that is there. Called by the guard too, without libvirt."""
    nft(rules(config, server, wanted))
    if wanted["mode"] == "tc" and wanted["bandwidth_mbps"]:
        mbps = wanted["bandwidth_mbps"]
        bucket = ["tbf", "rate", f"{mbps}mbit", "burst", f"{max(32, mbps * 2)}kb", "latency", "100ms"]
        try:
            run(["tc", "qdisc", "replace", "dev", domain.tap_of(server), "root", *bucket], 10)
        except Failed as failed:
            if "Cannot find device" not in failed.text:
                raise Failure(PERSON, "the bandwidth could not be limited on this host") from None


def nft(text):
    """Loads rules, all or none of them."""
    try:
        run(["nft", "-f", "-"], 20, text)
    except Failed:
        raise Failure(PERSON, "the host's packet filter does not take the rules of the server") from None


def rules(config, server, wanted):
    """The table of a server, which replaces the one there is. Whatever stands in it has been checked and written anew."""
    table, tap, mac = table_of(server), domain.tap_of(server), domain.mac_of(config, server)
    limits = {name: wanted["firewall"].get(name, 0) for name in LIMITS}
    sets, to, out = [], [f'oifname != "{tap}" accept'], [f'iifname != "{tap}" accept']
    if limits["connlimit"]:
        # No connection tracking, which bridges have in few kernels and which a flood fills up: the newest packets of a
        # connection keep it in a set of that size, and what finds no room there is dropped.
        for ip, kind, name in (("ip", "ipv4_addr", "connections"), ("ip6", "ipv6_addr", "connections6")):
            key = f"{ip} saddr . tcp sport . {ip} daddr . tcp dport"
            sets.append(f"set {name} {{ type {kind} . inet_service . {kind} . inet_service; "
                        f"size {limits['connlimit']}; flags dynamic,timeout; timeout {IDLE}; }}")
            to += [
                f"ether type {ip} tcp flags & (fin | rst) != 0 delete @{name} {{ {key} }}",
                f"ether type {ip} tcp flags & (fin | rst) == 0 update @{name} {{ {key} timeout {IDLE} }} goto limits",
                f"ether type {ip} tcp flags & (fin | rst) == 0 counter drop",
            ]
    to.append("goto limits")
    limited = [
        ("pps_icmp", ("meta l4proto icmp", "icmpv6 type { echo-request, echo-reply }")),
        ("pps_udp", ("meta l4proto udp",)),
        ("pps_syn", ("tcp flags & (fin | syn | rst | ack) == syn",)),
        ("pps", ("",)),
    ]
    drops = []
    for name, matches in limited:
        if limits[name]:
            burst = max(5, limits[name] // 4)
            drops += [f'{match} limit rate over {limits[name]}/second burst {burst} packets counter drop comment "{name}"'
                      for match in matches]
    if config.anti_spoofing:
        out += _genuine(mac, wanted["addresses"], sets)
    if wanted["mode"] == "tc" and wanted["bandwidth_mbps"]:
        rate = wanted["bandwidth_mbps"] * 125
        out.append(f"limit rate over {rate} kbytes/second burst {max(64, rate // 10)} kbytes counter drop")
    # In the kernel a chain must be there before another goes to it.
    chains = [
        "chain limits {", *drops, "}",
        "chain to { type filter hook postrouting priority 0; policy accept;", *to, "}",
        "chain from { type filter hook prerouting priority 0; policy accept;", *out, "}",
    ]
    body = "\n".join([*sets, *chains])
    return f"table bridge {table} {{}}\ndelete table bridge {table}\ntable bridge {table} {{\n{body}\n}}\n"


def _genuine(mac, addresses, sets):
    """Rules that let a machine speak as itself only. Where others give it addresses, it is held to its hardware address."""
    rules_ = [
        # In a frame with a VLAN's tag the rules below would see no address; and bridges' own protocols are not a machine's.
        "ether type != { arp, ip, ip6 } counter drop",
        f"ether saddr != {mac} counter drop", f"arp saddr ether != {mac} counter drop", "udp sport 67 counter drop",
    ]
    if addresses is None:
        return rules_
    own = [ipaddress.ip_address(address["ip"]) for address in addresses]
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        found = ", ".join(str(address) for address in own if address.version == version)
        sets.append(f"set own{version} {{ type {kind};" + (f" elements = {{ {found} }};" if found else "") + " }")
    return [
        *rules_,
        # Nobody's address yet: asking whether an address is taken, and DHCP.
        "arp saddr ip != 0.0.0.0 arp saddr ip != @own4 counter drop",
        "ip saddr 0.0.0.0 udp dport 67 accept",
        "ether type ip ip saddr != @own4 counter drop",
        "icmpv6 type nd-router-advert counter drop",
        "ether type ip6 ip6 saddr != { fe80::/10, :: } ip6 saddr != @own6 counter drop",
    ]
