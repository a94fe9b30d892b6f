//! What sysfs tells about one loaded module: `/sys/module/NAME`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::directory;
use crate::errno::Errno;
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::note;
use crate::order;
use crate::system::{self, System};

/// The attributes of one loaded module, each read when it is asked for.
///
/// An attribute that is not there is `None`: because the module has none of its kind, the module
/// is gone, /sys is not mounted, or the kernel is older than the attribute. From
/// `kernel/module/main.c` and `kernel/module/sysfs.c` of Linux 6.12.
#[derive(Clone, Debug)]
pub struct Attributes {
    directory: PathBuf,
}

/// A parameter of a loaded module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterValue {
    /// The name.
    pub name: Vec<u8>,
    /// The value as the kernel prints it now, without its closing newline; `None` where it may
    /// not be read.
    pub value: Option<Vec<u8>>,
}

impl Attributes {
    /// Returns the attributes of the module of this name, without reading anything yet.
    pub fn new(system: &System, name: &ModuleName) -> Self {
        Self { directory: system.module_dir(name) }
    }

    /// Returns the version string of the module: `MODULE_VERSION`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn version(&self) -> Result<Option<Vec<u8>>, Error> {
        value(&self.directory.join("version"))
    }

    /// Returns the checksum of the module's source that modpost computed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn srcversion(&self) -> Result<Option<Vec<u8>>, Error> {
        value(&self.directory.join("srcversion"))
    }

    /// Bytes of memory that stay for as long as the module does.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] or [`ErrorKind::Malformed`].
    pub fn core_size(&self) -> Result<Option<u64>, Error> {
        number(&self.directory.join("coresize"))
    }

    /// Bytes of memory for initialization: 0 once the module is live.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] or [`ErrorKind::Malformed`].
    pub fn init_size(&self) -> Result<Option<u64>, Error> {
        number(&self.directory.join("initsize"))
    }

    /// Returns the identifier that the linker gave to the build.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn build_id(&self) -> Result<Option<Vec<u8>>, Error> {
        match system::read(&self.directory.join("notes/.note.gnu.build-id")) {
            Ok(notes) => {
                let big_endian = cfg!(target_endian = "big");
                Ok(note::build_id(&notes, big_endian).map(<[u8]>::to_vec))
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the devices that are bound to the module's drivers, by their names in sysfs. They
    /// hold no reference, and lose their driver when the module is removed. Nothing that cannot be
    /// read is an error.
    pub fn bound_devices(&self) -> Vec<OsString> {
        let drivers = directory::entries(&self.directory.join("drivers"));
        let entries =
            drivers.into_iter().flatten().flatten().flat_map(|driver| {
                directory::entries(&driver.path).into_iter().flatten().flatten()
            });
        // The driver's own module is a link, too.
        let devices = entries.filter(|entry| entry.is_link && entry.name != "module");
        let mut names: Vec<OsString> = devices.map(|entry| entry.name).collect();
        order::sort(&mut names);
        names
    }

    /// Returns the parameters that sysfs shows, in the order of their names. Those declared with
    /// permission 0 are not among them. `None` if nothing of the module is shown; a module without
    /// any has an empty list.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; not for a parameter whose value may not be read.
    pub fn parameters(&self) -> Result<Option<Vec<ParameterValue>>, Error> {
        let entries = match directory::entries(&self.directory.join("parameters")) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(self.directory.is_dir().then(Vec::new)),
            Err(error) => return Err(error),
        };
        let mut parameters = Vec::new();
        for entry in entries {
            let entry = entry?;
            parameters.push(ParameterValue {
                name: entry.name.into_vec(),
                // A parameter may be for writing only, or for root only.
                value: value(&entry.path).ok().flatten(),
            });
        }
        order::sort_by(&mut parameters, |one, other| one.name.cmp(&other.name));
        Ok(Some(parameters))
    }
}

/// A file in sysfs that is opened while its module goes away fails with `ENODEV`, see
/// `kernfs_fop_open` in `fs/kernfs/file.c`.
fn is_gone(error: &Error) -> bool {
    error.is_absent() || error.errno() == Some(Errno::ENODEV)
}

fn value(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match system::read(path) {
        Ok(mut bytes) => {
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            Ok(Some(bytes))
        }
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn number(path: &Path) -> Result<Option<u64>, Error> {
    let Some(bytes) = value(path)? else { return Ok(None) };
    let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let detail = format!("'{}' is not a size", bytes.escape_ascii());
        Error::new(ErrorKind::Malformed, detail).at(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    /// A directory that looks like a system with one module, `m`.
    struct Root(Captured);

    impl Root {
        fn new(files: &[(&str, &[u8])]) -> Self {
            let root = Captured::new();
            for (file, bytes) in files {
                root.write(Path::new("sys/module/m").join(file), bytes);
            }
            Self(root)
        }

        fn attributes(&self) -> Attributes {
            Attributes::new(&self.0.system(), &ModuleName::new("m").unwrap())
        }
    }

    #[test]
    fn values_lose_one_newline() {
        let root = Root::new(&[
            ("version", b"1.0 \xff\n"),
            ("coresize", b"16384\n"),
            ("initsize", b"0\n"),
            ("parameters/b", b"two\n\n"),
            ("parameters/a", b""),
        ]);
        let attributes = root.attributes();
        assert_eq!(attributes.version().unwrap().unwrap(), b"1.0 \xff");
        assert_eq!(attributes.core_size().unwrap(), Some(16384));
        assert_eq!(attributes.init_size().unwrap(), Some(0));
        assert_eq!(attributes.srcversion().unwrap(), None);
        let parameters = attributes.parameters().unwrap().unwrap();
        assert_eq!(
            parameters,
            [
                ParameterValue { name: b"a".to_vec(), value: Some(b"".to_vec()) },
                ParameterValue { name: b"b".to_vec(), value: Some(b"two\n".to_vec()) },
            ]
        );
    }

    #[test]
    fn absent_files_are_not_errors() {
        let attributes = Root::new(&[]).attributes();
        assert_eq!(attributes.version().unwrap(), None);
        assert_eq!(attributes.core_size().unwrap(), None);
        assert_eq!(attributes.parameters().unwrap(), None);
        let plain = Root::new(&[("coresize", b"16384\n")]);
        assert_eq!(plain.attributes().parameters().unwrap(), Some(Vec::new()));
    }

    #[test]
    fn damage_is_an_error_with_its_file() {
        let root = Root::new(&[("coresize", b"many\n"), ("version/x", b"")]);
        let error = root.attributes().core_size().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.path().unwrap().ends_with("sys/module/m/coresize"));
        assert_eq!(root.attributes().version().unwrap_err().errno(), Some(Errno::EISDIR));
    }
}
