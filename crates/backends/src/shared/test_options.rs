//! Parses options in tests.

use crosspatch_core::{Given, OptionSpec, Options};

/// The result of `read` for the options of an instance, and the messages of all errors.
pub(crate) fn read<T>(
    instance: &str,
    specs: &'static [OptionSpec],
    given: &[(&str, &str)],
    read: impl FnOnce(&mut Options<'_>) -> T,
) -> (T, Vec<String>) {
    let given: Vec<_> = given.iter().map(|(name, value)| Given::of_instance(name, value)).collect();
    let mut options = Options::new(instance, &given, specs);
    let found = read(&mut options);
    (found, options.into_errors().into_iter().map(|error| error.message).collect())
}
