//! Docs of items that are too short to say what an item is.

use super::modules::{SourceFile, attributes};
use syn::visit::Visit;
use syn::{Attribute, Expr, Lit, Meta};

/// Items with a doc of fewer than so many characters, as `FILE:LINE DOC`.
pub fn below(source: &SourceFile, characters: usize) -> Vec<String> {
    let mut docs = Docs { file: source.name(), below: characters, found: Vec::new() };
    source.items.iter().for_each(|item| docs.visit_item(item));
    docs.found
}

struct Docs {
    file: String,
    below: usize,
    found: Vec<String>,
}

impl Docs {
    fn look(&mut self, attributes: &[Attribute]) {
        let lines: Vec<(String, usize)> = attributes.iter().filter_map(line).collect();
        let Some((_, line_number)) = lines.first() else { return };
        let text: String = lines.iter().map(|(text, _)| text.trim()).collect::<Vec<_>>().join(" ");
        if text.trim().chars().count() < self.below {
            self.found.push(format!("{}:{line_number} {}", self.file, text.trim()));
        }
    }
}

/// A line of a doc, with its number in the file.
fn line(attribute: &Attribute) -> Option<(String, usize)> {
    let Meta::NameValue(doc) = &attribute.meta else { return None };
    match &doc.value {
        Expr::Lit(value) if doc.path.is_ident("doc") => match &value.lit {
            Lit::Str(text) => Some((text.value(), text.span().start().line)),
            _ => None,
        },
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Docs {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.look(attributes(item));
        syn::visit::visit_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.look(&field.attrs);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.look(&variant.attrs);
        syn::visit::visit_variant(self, variant);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.attrs);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.look(&item.attrs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::modules;

    #[test]
    fn docs_of_items_fields_variants_and_methods_are_measured_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lib.rs");
        let text = "/// Whose.\npub struct S {\n    /// How.\n    a: u8,\n    /// Long enough, as it says.\n    b: u8,\n    c: u8,\n}\n\
                    enum E {\n    /// So.\n    A,\n}\nimpl S {\n    /// Do\n    /// it at once, whole.\n    fn f() {}\n    /// Do it.\n    fn g() {}\n}\n\
                    trait T {\n    /// Say.\n    fn h();\n}\n";
        std::fs::write(&root, text).unwrap();
        let found = below(&modules::read(&root).unwrap()[0], 16);
        let docs: Vec<&str> = found.iter().map(|found| found.split_once(' ').unwrap().1).collect();
        assert_eq!(docs, ["Whose.", "How.", "So.", "Do it.", "Say."]);
        assert!(found[0].ends_with("lib.rs:1 Whose."), "{found:?}");
    }
}
