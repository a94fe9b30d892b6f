//! What a load needs throughout.

use modutils::diagnosis::Request;
use modutils::{Arguments, Kernel, ModuleFile};

use super::options::Options;
use crate::common::report::Reporter;

#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) options: &'a Options,
    pub(crate) reporter: &'a Reporter,
    pub(crate) file: &'a ModuleFile,
    pub(crate) arguments: &'a Arguments,
}

impl<'a> Job<'a> {
    pub(crate) fn request(self) -> Request<'a> {
        Request { file: self.file, arguments: self.arguments, force: self.options.force }
    }

    /// Whether explanations are wanted: they can take time to find.
    pub(crate) fn explains(self) -> bool {
        self.options.json || self.reporter.explains()
    }

    /// Reports an action on a file, with `--verbose`.
    pub(crate) fn say(self, action: &str, file: &ModuleFile) {
        self.say_of(action, file, "");
    }

    /// The same, with a remark that ends the line.
    pub(crate) fn say_of(self, action: &str, file: &ModuleFile, remark: &str) {
        if self.reporter.is_verbose()
            && let Ok(name) = file.name()
        {
            let line = format!("{action} {name} from {}{remark}", file.path().display());
            self.reporter.tell(line.as_bytes());
        }
    }
}
