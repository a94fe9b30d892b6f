//! Virtual servers of ipvsadm(8).

use std::net::Ipv4Addr;

use super::NetfilterObject;
use crate::holders::Holder;
use crate::holders::namespaces::in_each;
use crate::holders::search::Search;
use crate::system;

/// Each virtual server holds its scheduler and `ip_vs` (`ip_vs_add_service`).
pub(in crate::holders) fn virtual_servers(search: &Search<'_>) -> Vec<Holder> {
    if !search.name().starts_with(b"ip_vs") {
        return Vec::new();
    }
    in_each(search, |search| {
        let table = system::read(&search.system.network_file("ip_vs")).unwrap_or_default();
        let table = String::from_utf8_lossy(&table);
        let own = table.lines().filter_map(server).filter(|server| {
            let module = format!("ip_vs_{}", server.scheduler);
            search.name() == b"ip_vs" || search.provides(&[], &[&module])
        });
        own.map(Server::holder).collect()
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Server {
    option: &'static str,
    address: String,
    scheduler: String,
}

impl Server {
    fn holder(self) -> Holder {
        let command = format!("ipvsadm -D {} {}", self.option, self.address);
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
    Some(Server { option, address, scheduler })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
