//! The limits of a server's packet filter (server_firewall, CONTRACT 2.3).

use crate::field::Field;

/// One of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Packets a second.
    Packets,
    /// ICMP packets a second.
    Icmp,
    /// UDP packets a second.
    Udp,
    /// New TCP connections a second.
    Syn,
    /// TCP connections of one address at a time.
    Connections,
}

impl Limit {
    /// All of them, in the order of the answer.
    pub const ALL: [Limit; 5] = [Self::Packets, Self::Icmp, Self::Udp, Self::Syn, Self::Connections];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "pps",
            Self::Icmp => "pps_icmp",
            Self::Udp => "pps_udp",
            Self::Syn => "pps_syn",
            Self::Connections => "connlimit",
        }
    }

    /// The least and the most that it can be set to.
    #[must_use]
    pub const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Packets => (1000, 5000),
            Self::Icmp | Self::Udp => (10, 500),
            Self::Syn => (2, 20),
            Self::Connections => (16, 512),
        }
    }

    /// Whether it can be switched off again, by 0.
    #[must_use]
    pub const fn can_be_off(self) -> bool {
        match self {
            Self::Packets => false,
            Self::Icmp | Self::Udp | Self::Syn | Self::Connections => true,
        }
    }

    /// Whether it can be set to a value.
    #[must_use]
    pub fn accepts(self, value: u32) -> bool {
        let (least, most) = self.bounds();
        (value == 0 && self.can_be_off()) || (least..=most).contains(&value)
    }
}

/// A server's limits in force; 0 is none. A server has none until its customer sets some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Firewall {
    /// Packets a second.
    pub pps: u32,
    /// ICMP packets a second.
    pub pps_icmp: u32,
    /// UDP packets a second.
    pub pps_udp: u32,
    /// New TCP connections a second.
    pub pps_syn: u32,
    /// TCP connections of one address at a time.
    pub connlimit: u32,
}

impl Firewall {
    /// A limit.
    #[must_use]
    pub const fn get(&self, limit: Limit) -> u32 {
        match limit {
            Limit::Packets => self.pps,
            Limit::Icmp => self.pps_icmp,
            Limit::Udp => self.pps_udp,
            Limit::Syn => self.pps_syn,
            Limit::Connections => self.connlimit,
        }
    }

    fn set(&mut self, limit: Limit, value: u32) {
        let place = match limit {
            Limit::Packets => &mut self.pps,
            Limit::Icmp => &mut self.pps_icmp,
            Limit::Udp => &mut self.pps_udp,
            Limit::Syn => &mut self.pps_syn,
            Limit::Connections => &mut self.connlimit,
        };
        *place = value;
    }

    /// The limits with what a request changes of them.
    #[must_use]
    pub fn with(mut self, changes: &FirewallChanges) -> Self {
        for (limit, value) in &changes.0 {
            self.set(*limit, *value);
        }
        self
    }
}

/// What is to be changed of a server's limits; each can be set to what it is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirewallChanges(Vec<(Limit, u32)>);

impl FirewallChanges {
    /// Reads a request, whose fields `read` gives.
    ///
    /// # Errors
    /// The first limit that is not a number or past its bounds.
    pub fn read(read: impl Fn(Limit) -> Field<u32>) -> Result<Self, Limit> {
        let mut changes = Vec::new();
        for limit in Limit::ALL {
            match read(limit) {
                Field::Absent => {}
                Field::Given(value) if limit.accepts(value) => changes.push((limit, value)),
                Field::Given(_) | Field::Malformed => return Err(limit),
            }
        }
        Ok(Self(changes))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field() -> impl Strategy<Value = Field<u32>> {
        let near = prop::sample::select(vec![0, 1, 2, 9, 10, 16, 20, 21, 500, 501, 512, 513, 999, 1000, 5000, 5001]);
        prop_oneof![
            2 => Just(Field::Absent),
            1 => Just(Field::Malformed),
            6 => prop_oneof![near, any::<u32>()].prop_map(Field::Given),
        ]
    }

    /// The bounds of the contract, written another way.
    fn fits(limit: Limit, value: u32) -> bool {
        match limit {
            Limit::Packets => (1000..=5000).contains(&value),
            Limit::Icmp | Limit::Udp => value == 0 || (10..=500).contains(&value),
            Limit::Syn => value == 0 || (2..=20).contains(&value),
            Limit::Connections => value == 0 || (16..=512).contains(&value),
        }
    }

    proptest! {
        #[test]
        fn a_request_is_taken_whole_or_its_first_flaw_is_told(
            before in prop::array::uniform5(any::<u32>()), fields in prop::array::uniform5(field()),
        ) {
            let [pps, pps_icmp, pps_udp, pps_syn, connlimit] = before;
            let before = Firewall { pps, pps_icmp, pps_udp, pps_syn, connlimit };
            let of = |limit| {
                let at = Limit::ALL.iter().position(|other| *other == limit).unwrap();
                fields[at].clone()
            };
            let wrong = Limit::ALL.into_iter().find(|limit| match of(*limit) {
                Field::Absent => false,
                Field::Malformed => true,
                Field::Given(value) => !fits(*limit, value),
            });
            match FirewallChanges::read(of) {
                Err(limit) => prop_assert_eq!(Some(limit), wrong),
                Ok(changes) => {
                    prop_assert_eq!(wrong, None);
                    prop_assert_eq!(changes.is_empty(), fields.iter().all(|field| *field == Field::Absent));
                    let after = before.with(&changes);
                    for limit in Limit::ALL {
                        let expected = of(limit).given().copied().unwrap_or(before.get(limit));
                        prop_assert_eq!(after.get(limit), expected);
                    }
                    prop_assert_eq!(after.with(&changes), after);
                }
            }
        }
    }
}
