//! Virtual servers of ipvsadm(8).

use std::net::{Ipv4Addr, Ipv6Addr};

use rustix::io::Errno;

use super::objects::NetfilterObject;
use crate::holders::Holder;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Netlink, attribute, generic_family, note, number, text};
use crate::holders::search::Search;
use crate::system;

/// Each virtual server holds its scheduler, its persistence engine and `ip_vs`
/// (`ip_vs_add_service`).
pub(in crate::holders) fn virtual_servers(search: &Search<'_>) -> Vec<Holder> {
    if !search.name().starts_with(b"ip_vs") {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut list = Vec::new();
        let mut result = listed(search, &mut list);
        // Engines, and the family of a mark, are not in the file that everybody may read.
        if matches!(result, Err(Errno::PERM | Errno::ACCESS)) && !is_engine(search) {
            let table = system::read(&search.system.network_file("ip_vs")).unwrap_or_default();
            let table = String::from_utf8_lossy(&table);
            let own = table.lines().filter_map(server);
            list.extend(own.filter(|own| has_scheduler(search, own)).map(Server::holder));
            result = Ok(());
        }
        note(search, "virtual servers", result);
        list
    })
}

fn is_engine(search: &Search<'_>) -> bool {
    search.name().starts_with(b"ip_vs_pe_")
}

fn has_scheduler(search: &Search<'_>, server: &Server) -> bool {
    let module = format!("ip_vs_{}", server.scheduler);
    search.name() == b"ip_vs" || search.provides(&[], &[&module])
}

/// The servers that generic netlink shows (`ip_vs_genl_fill_service`).
fn listed(search: &Search<'_>, list: &mut Vec<Holder>) -> Result<(), Errno> {
    /// `IPVS_CMD_GET_SERVICE` of `linux/ip_vs.h`.
    const GET_SERVICE: u8 = 4;
    let mut netlink = Netlink::open(netlink::GENERIC)?;
    let Some(family) = generic_family(search, &mut netlink, "IPVS")? else { return Ok(()) };
    netlink.dump(search, family, &[GET_SERVICE, 1, 0, 0], |_, payload| {
        let Some((server, engine)) = service(payload) else { return };
        if !is_engine(search) {
            if has_scheduler(search, &server) {
                list.push(server.holder());
            }
        } else if search.name().strip_prefix(b"ip_vs_pe_") == Some(&engine) {
            let engine = String::from_utf8_lossy(&engine);
            let scheduler = format!("{} and persistence engine {engine}", server.scheduler);
            list.push(Server { scheduler, ..server }.holder());
        }
    })
}

/// A service of the answer, with the name of its engine.
fn service(payload: &[u8]) -> Option<(Server, Vec<u8>)> {
    const SERVICE: u16 = 1;
    const FAMILY: u16 = 1;
    const PROTOCOL: u16 = 2;
    const ADDRESS: u16 = 3;
    const PORT: u16 = 4;
    const MARK: u16 = 5;
    const SCHEDULER: u16 = 6;
    const ENGINE: u16 = 11;
    let service = attribute(payload.get(4..)?, SERVICE)?;
    let value = |kind| attribute(service, kind);
    let short = |kind| value(kind)?.first_chunk().copied();
    let engine = value(ENGINE).map(text).unwrap_or_default().to_vec();
    let scheduler = String::from_utf8_lossy(text(value(SCHEDULER)?)).into_owned();
    let is_ipv4 = short(FAMILY).map(u16::from_ne_bytes)? == 2;
    if let Some(mark) = value(MARK).and_then(|mark| number(mark, 0)) {
        let suffix = if is_ipv4 { "" } else { " -6" };
        let address = mark.to_string();
        return Some((Server { option: "-f", address, suffix, scheduler }, engine));
    }
    let option = match short(PROTOCOL).map(u16::from_ne_bytes)? {
        6 => "-t",
        17 => "-u",
        _ => "--sctp-service",
    };
    let address = value(ADDRESS)?;
    let port = short(PORT).map(u16::from_be_bytes)?;
    let address = if is_ipv4 {
        format!("{}:{port}", Ipv4Addr::from(*address.first_chunk::<4>()?))
    } else {
        format!("[{}]:{port}", Ipv6Addr::from(*address.first_chunk::<16>()?))
    };
    Some((Server { option, address, suffix: "", scheduler }, engine))
}

#[derive(Debug, PartialEq, Eq)]
struct Server {
    option: &'static str,
    address: String,
    /// What a mark of IPv6 needs behind it.
    suffix: &'static str,
    scheduler: String,
}

impl Server {
    fn holder(self) -> Holder {
        let command = format!("ipvsadm -D {} {}{}", self.option, self.address, self.suffix);
        let protocol = match self.option {
            "-t" => "TCP ",
            "-u" => "UDP ",
            "-f" => "mark ",
            _ => "SCTP ",
        };
        let server = format!("{protocol}{}", self.address).into();
        let object = NetfilterObject::VirtualServer { server, scheduler: self.scheduler.into() };
        Holder::in_netfilter(object).ended_by(command)
    }
}

/// A row such as `TCP  0A000001:0050 rr` (`ip_vs_info_seq_show` in `ip_vs_ctl.c`).
fn server(line: &str) -> Option<Server> {
    let mut fields = line.split_ascii_whitespace();
    let option = match fields.next()? {
        "TCP" => "-t",
        "UDP" => "-u",
        "FWM" => "-f",
        "SCTP" => "--sctp-service",
        _ => return None,
    };
    let address = fields.next()?;
    let scheduler = fields.next()?.to_owned();
    let address = match address.rsplit_once(':') {
        None => u32::from_str_radix(address, 16).ok()?.to_string(),
        Some((host, port)) => {
            let port = u16::from_str_radix(port, 16).ok()?;
            match u32::from_str_radix(host, 16) {
                Ok(host) => format!("{}:{port}", Ipv4Addr::from(host)),
                // IPv6 is in brackets already.
                Err(_) => format!("{host}:{port}"),
            }
        }
    };
    Some(Server { option, address, suffix: "", scheduler })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    #[test]
    fn rows_of_servers() {
        let found =
            |line| server(line).map(|s| format!("{} {} {}", s.option, s.address, s.scheduler));
        assert_eq!(found("TCP  0A000001:0050 rr  "), Some("-t 10.0.0.1:80 rr".into()));
        assert_eq!(found("UDP  [fd00::1]:0035 wlc"), Some("-u [fd00::1]:53 wlc".into()));
        assert_eq!(found("FWM  0000000A sh persistent 60 FFFFFFFF"), Some("-f 10 sh".into()));
        for other in ["Prot LocalAddress:Port Scheduler Flags", "  -> 0A000002:0050 Masq 1 0 0", ""]
        {
            assert_eq!(found(other), None);
        }
        assert_eq!(found("TCP  0A000001:zz rr"), None);
    }

    #[test]
    fn services_of_an_answer() {
        let message = |attributes: &[Vec<u8>]| [vec![0; 4], with(1, &attributes.concat())].concat();
        let shown = |attributes: &[Vec<u8>]| {
            let (server, engine) = service(&message(attributes))?;
            let command = format!("{:?}", server.holder().way_out?);
            Some((command, String::from_utf8(engine).ok()?))
        };
        let mark = [with(1, &10u16.to_ne_bytes()), with(5, &8u32.to_ne_bytes()), with(6, b"sh\0")];
        let expected = ("Command(\"ipvsadm -D -f 8 -6\")".to_owned(), String::new());
        assert_eq!(shown(&mark), Some(expected));
        let port = [
            with(1, &2u16.to_ne_bytes()),
            with(2, &17u16.to_ne_bytes()),
            with(3, &[10, 0, 0, 1]),
            with(4, &5060u16.to_be_bytes()),
            with(6, b"rr\0"),
            with(11, b"sip\0"),
        ];
        let expected = ("Command(\"ipvsadm -D -u 10.0.0.1:5060\")".to_owned(), "sip".to_owned());
        assert_eq!(shown(&port), Some(expected));
        assert_eq!(shown(&port[..3]), None);
    }
}
