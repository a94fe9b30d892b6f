//! The version magic: for which kernel a module was built.
//!
//! `VERMAGIC_STRING` of `include/linux/vermagic.h`: the release, then a word for each setting of
//! the build that modules must share with the kernel.

/// A difference between two version magics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VermagicDifference {
    /// The releases differ.
    Release {
        /// That of the module.
        module: String,
        /// That of the kernel.
        kernel: String,
    },
    /// The module was built with a setting that the kernel lacks.
    OnlyModule(String),
    /// The kernel was built with a setting that the module lacks.
    OnlyKernel(String),
}

/// What keeps a module from a kernel, by the rule of `same_magic` in `kernel/module/version.c`:
/// with symbol versions on both sides the release does not matter.
pub(crate) fn vermagic_differences(
    module: &str,
    kernel: &str,
    has_versions: bool,
) -> Vec<VermagicDifference> {
    let (module_release, module_words) = split(module);
    let (kernel_release, kernel_words) = split(kernel);
    let mut differences = Vec::new();
    let versioned = has_versions && kernel_words.contains(&"modversions");
    if module_release != kernel_release && !versioned {
        differences.push(VermagicDifference::Release {
            module: module_release.to_owned(),
            kernel: kernel_release.to_owned(),
        });
    }
    for word in module_words.iter().filter(|word| !kernel_words.contains(word)) {
        differences.push(VermagicDifference::OnlyModule((*word).to_owned()));
    }
    for word in kernel_words.iter().filter(|word| !module_words.contains(word)) {
        differences.push(VermagicDifference::OnlyKernel((*word).to_owned()));
    }
    differences
}

fn split(magic: &str) -> (&str, Vec<&str>) {
    let mut words = magic.split_ascii_whitespace();
    (words.next().unwrap_or_default(), words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_count_without_symbol_versions_only() {
        let (one, other) =
            ("6.12.1 SMP mod_unload modversions ", "6.12.2 SMP mod_unload modversions ");
        assert_eq!(vermagic_differences(one, other, true), []);
        assert_eq!(
            vermagic_differences(one, other, false),
            [VermagicDifference::Release { module: "6.12.1".into(), kernel: "6.12.2".into() }]
        );
    }

    #[test]
    fn settings_always_count() {
        assert_eq!(
            vermagic_differences("1 SMP preempt x", "1 SMP mod_unload", true),
            [
                VermagicDifference::OnlyModule("preempt".into()),
                VermagicDifference::OnlyModule("x".into()),
                VermagicDifference::OnlyKernel("mod_unload".into()),
            ]
        );
    }
}
