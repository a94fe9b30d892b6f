//! Ports of Open vSwitch.

use rustix::io::Errno;

use super::objects::NetworkObject;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Netlink, attribute, generic_family, note, number, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

/// The lengths of `struct genlmsghdr`, and of that with `struct ovs_header`.
const GENERIC: usize = 4;
const HEADER: usize = 8;
/// `OVS_DP_CMD_GET`, `OVS_VPORT_CMD_GET` and attributes of `linux/openvswitch.h`.
const GET: u8 = 3;
const DATAPATH_NAME: u16 = 1;
const PORT_TYPE: u16 = 2;
const PORT_NAME: u16 = 3;
/// The modules of the types of ports (`enum ovs_vport_type`): interfaces, a datapath's own, tunnels.
const TYPES: [(&[u32], &str); 4] =
    [(&[1, 2], "openvswitch"), (&[3], "vport_gre"), (&[4], "vport_vxlan"), (&[5], "vport_geneve")];

/// Each port holds the module of its type (`ovs_vport_add` in `net/openvswitch/vport.c`).
pub(in crate::holders) fn datapath_ports(search: &Search<'_>) -> Vec<Holder> {
    let own = TYPES.iter().find(|(_, module)| search.name() == module.as_bytes());
    let Some(&(own, _)) = own else { return Vec::new() };
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = ports(search, own, &mut list);
        note(search, "datapaths", result);
        list
    })
}

fn ports(search: &Search<'_>, own: &[u32], list: &mut Vec<Holder>) -> Result<(), Errno> {
    let mut netlink = Netlink::open(netlink::GENERIC)?;
    let Some(family) = generic_family(search, &mut netlink, "ovs_datapath")? else {
        return Ok(());
    };
    let mut datapaths = Vec::new();
    netlink.dump(search, family, &request(0), |_, payload| datapaths.extend(datapath(payload)))?;
    let Some(family) = generic_family(search, &mut netlink, "ovs_vport")? else { return Ok(()) };
    for (index, datapath) in datapaths {
        netlink.dump(search, family, &request(index), |_, payload| {
            list.extend(port(payload, own, &datapath));
        })?;
    }
    Ok(())
}

fn request(datapath: u32) -> Vec<u8> {
    // The version of both families is at least 1.
    [&[GET, 1, 0, 0][..], &datapath.to_ne_bytes()].concat()
}

/// The number and the name of a datapath.
fn datapath(payload: &[u8]) -> Option<(u32, Text)> {
    let name = attribute(payload.get(HEADER..)?, DATAPATH_NAME)?;
    Some((number(payload, GENERIC)?, text(name).into()))
}

fn port(payload: &[u8], own: &[u32], datapath: &Text) -> Option<Holder> {
    let attributes = payload.get(HEADER..)?;
    if !own.contains(&number(attribute(attributes, PORT_TYPE)?, 0)?) {
        return None;
    }
    let port = Text::from(text(attribute(attributes, PORT_NAME)?));
    // The port of the same name goes with the datapath only.
    let command = if port == *datapath {
        format!("ovs-dpctl del-dp {}", datapath.word())
    } else {
        format!("ovs-dpctl del-if {} {}", datapath.word(), port.word())
    };
    let object = NetworkObject::DatapathPort { datapath: datapath.clone(), port };
    Some(Holder::in_network(object).ended_by(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    #[test]
    fn ports_of_a_type() {
        let head = [&[1, 2, 0, 0][..], &7u32.to_ne_bytes()].concat();
        let message = |attributes: &[Vec<u8>]| [head.clone(), attributes.concat()].concat();
        let found = datapath(&message(&[with(DATAPATH_NAME, b"dp0\0")]));
        assert_eq!(found, Some((7, "dp0".into())));
        let vxlan = message(&[with(PORT_TYPE, &4u32.to_ne_bytes()), with(PORT_NAME, b"vx 1\0")]);
        let found = port(&vxlan, &[4], &"dp0".into()).unwrap();
        assert_eq!(found.kind.to_string(), "port vx 1 of datapath dp0 exists (Open vSwitch)");
        let fix = format!("{:?}", found.way_out.unwrap());
        assert_eq!(fix, "Command(\"ovs-dpctl del-if dp0 'vx 1'\")");
        assert_eq!(port(&vxlan, &[3], &"dp0".into()), None);
        for length in 0..vxlan.len() {
            let _ = (port(&vxlan[..length], &[4], &"dp0".into()), datapath(&vxlan[..length]));
        }
    }
}
