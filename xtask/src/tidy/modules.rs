//! A crate's source files without its tests: those that `mod` lines lead to from a root.

use crate::Failure;
use proc_macro2::Span;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Item};

/// A file of a crate.
pub struct SourceFile {
    /// The file.
    pub file: PathBuf,
    /// Where it stands in its crate: `["store", "tests"]` for `crate::store::tests`, empty for the root.
    pub module: Vec<String>,
    /// Its items, without those that are compiled for tests alone.
    pub items: Vec<Item>,
    lines: usize,
}

impl SourceFile {
    /// Its lines, without those of items for tests.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The file, for messages.
    pub fn name(&self) -> String {
        self.file.display().to_string()
    }

    /// Its functions of more than so many lines.
    pub fn functions_above(&self, lines: usize) -> Vec<String> {
        let mut found = Functions { file: self.name(), above: lines, found: Vec::new() };
        self.items.iter().for_each(|item| found.visit_item(item));
        found.found
    }
}

/// The files from a root on.
pub fn read(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Vec::new();
    read_module(root, Vec::new(), &mut files)?;
    Ok(files)
}

fn read_module(file: &Path, module: Vec<String>, files: &mut Vec<SourceFile>) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let parsed = syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let (tests, items): (Vec<Item>, Vec<Item>) = parsed.items.into_iter().partition(is_for_tests);
    let of_tests: usize = tests.iter().map(|item| lines_of(item.span())).sum();
    for item in &items {
        if let Item::Mod(inner) = item
            && inner.content.is_none()
        {
            let name = inner.ident.to_string();
            let path = [module.clone(), vec![name.clone()]].concat();
            read_module(&file_of(file, module.is_empty(), &name), path, files)?;
        }
    }
    let lines = text.lines().count().saturating_sub(of_tests);
    files.push(SourceFile { file: file.to_path_buf(), module, items, lines });
    Ok(())
}

/// The file of a module that is named in another.
fn file_of(parent: &Path, is_root: bool, name: &str) -> PathBuf {
    let folder = match is_root || parent.ends_with("mod.rs") {
        true => parent.with_file_name(""),
        false => parent.with_extension(""),
    };
    let own = folder.join(format!("{name}.rs"));
    if own.is_file() { own } else { folder.join(name).join("mod.rs") }
}

fn is_for_tests(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        let mut is_test = false;
        if attribute.path().is_ident("cfg") {
            // Of `any(test, feature = "...")` the rest is compiled for others too.
            let _ = attribute.parse_nested_meta(|meta| {
                is_test |= meta.path.is_ident("test");
                Ok(())
            });
        }
        is_test
    })
}

/// The attributes of an item; none of those kinds that have no docs of their own.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// How many lines a piece of source has.
fn lines_of(span: Span) -> usize {
    span.end().line + 1 - span.start().line
}

struct Functions {
    file: String,
    above: usize,
    found: Vec<String>,
}

impl Functions {
    fn look(&mut self, name: &syn::Ident, span: Span) {
        if lines_of(span) > self.above {
            self.found.push(format!("{} {}:{} {name}", lines_of(span), self.file, span.start().line));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.sig.ident, item.sig.span().join(item.block.span()).unwrap_or_else(|| item.block.span()));
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.sig.ident, item.sig.span().join(item.block.span()).unwrap_or_else(|| item.block.span()));
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of files with these names and texts.
    fn of(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<SourceFile>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let read = read(&folder.path().join(files[0].0)).unwrap();
        (folder, read)
    }

    #[test]
    fn files_are_those_that_mod_lines_lead_to_without_tests() {
        let (_folder, files) = of(&[
            ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod laws;\n#[cfg(any(test, feature = \"x\"))]\nmod c;\n"),
            ("a.rs", "mod inner;\npub fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n"),
            ("a/inner.rs", ""),
            ("b/mod.rs", "mod deep;"),
            ("b/deep.rs", ""),
            ("c.rs", ""),
            ("unused.rs", ""),
        ]);
        let mut modules: Vec<String> = files.iter().map(|file| file.module.join("::")).collect();
        modules.sort();
        assert_eq!(modules, ["", "a", "a::inner", "b", "b::deep", "c"]);
        // Two of its six lines are not those of tests.
        assert_eq!(files.iter().find(|file| file.module == ["a"]).unwrap().lines(), 2);
    }

    #[test]
    fn a_function_is_counted_from_its_name_to_its_brace() {
        let (_folder, files) =
            of(&[("lib.rs", "/// Doc.\nfn long() {\n    let a = 1;\n    drop(a);\n}\nfn short() {}\n")]);
        assert_eq!(files[0].functions_above(3).len(), 1);
        assert_eq!(files[0].functions_above(4).len(), 0);
    }
}
