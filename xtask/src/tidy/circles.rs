//! Circles of imports between the files of a crate: files each of which needs all the others.
//!
//! A file needs another if it names it by `crate::`; a name that a file re-exports counts for the file that has it. What
//! a parent and its own children name of each other by `super::` and `self::` is one unit and does not count.

use super::modules::SourceFile;
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;
use syn::{Item, Path, UseTree, Visibility};

/// A path within a crate, without `crate`.
type Name = Vec<String>;

/// The circles of at least two files, each as names of files in order.
pub fn of(sources: &[SourceFile]) -> Vec<Vec<String>> {
    let exports = Exports::of(sources);
    let mut needs: Vec<BTreeSet<usize>> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let mut named = Named::default();
        source.items.iter().for_each(|item| named.visit_item(item));
        let files = named.names.iter().filter_map(|name| exports.file_of(name));
        needs.push(files.filter(|other| *other != index).collect());
    }
    let mut circles: Vec<Vec<String>> = Vec::new();
    for circle in strongly_connected(&needs) {
        let mut names: Vec<String> = circle.iter().map(|index| sources[*index].name()).collect();
        names.sort();
        circles.push(names);
    }
    circles
}

/// Sets of at least two nodes each of which can be reached from all the others.
fn strongly_connected(needs: &[BTreeSet<usize>]) -> Vec<BTreeSet<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..needs.len()).map(|from| reachable(needs, from)).collect();
    let mut found: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for (from, ahead) in reached.iter().enumerate() {
        let circle: BTreeSet<usize> = ahead.iter().copied().filter(|to| reached[*to].contains(&from)).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reachable(needs: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<usize> = needs[from].iter().copied().collect();
    while let Some(next) = ahead.pop() {
        if reached.insert(next) {
            ahead.extend(&needs[next]);
        }
    }
    reached
}

/// Which file a name is of.
struct Exports {
    /// By module.
    files: BTreeMap<Name, usize>,
    /// What a module re-exports by a name of its own, and what that is.
    renamed: BTreeMap<Name, Name>,
}

impl Exports {
    fn of(sources: &[SourceFile]) -> Exports {
        let files = sources.iter().enumerate().map(|(index, source)| (source.module.clone(), index)).collect();
        let mut exports = Exports { files, renamed: BTreeMap::new() };
        for source in sources {
            for item in &source.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, Visibility::Inherited)
                {
                    exports.add(&source.module, &item.tree);
                }
            }
        }
        exports
    }

    fn add(&mut self, module: &Name, tree: &UseTree) {
        for (path, own) in leaves(tree, Vec::new()) {
            let target = match path.first().map(String::as_str) {
                Some("crate") => path[1..].to_vec(),
                Some("self") => [module.clone(), path[1..].to_vec()].concat(),
                _ => [module.clone(), path].concat(),
            };
            self.renamed.insert([module.clone(), vec![own]].concat(), target);
        }
    }

    /// The file of the longest module that a name begins with, after re-exports.
    fn file_of(&self, name: &Name) -> Option<usize> {
        let mut name = name.clone();
        // A chain of re-exports is short; a circle of them does not compile.
        for _ in 0..8 {
            let next = (1..=name.len())
                .rev()
                .find_map(|length| self.renamed.get(&name[..length]).map(|to| [to, &name[length..]].concat()));
            match next {
                Some(next) if next != name => name = next,
                _ => break,
            }
        }
        (0..=name.len()).rev().find_map(|length| self.files.get(&name[..length]).copied())
    }
}

/// Every path of a `use`, with the name that it has here.
fn leaves(tree: &UseTree, before: Name) -> Vec<(Name, String)> {
    let with = |name: String| [before.clone(), vec![name]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, with(path.ident.to_string())),
        UseTree::Name(name) if name.ident == "self" => {
            vec![(before.clone(), before.last().cloned().unwrap_or_default())]
        }
        UseTree::Name(name) => vec![(with(name.ident.to_string()), name.ident.to_string())],
        UseTree::Rename(name) => vec![(with(name.ident.to_string()), name.rename.to_string())],
        UseTree::Glob(_) => vec![(before, "*".to_string())],
        UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, before.clone())).collect(),
    }
}

/// The names of this crate that a file uses.
#[derive(Default)]
struct Named {
    names: BTreeSet<Name>,
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, _) in leaves(&item.tree, Vec::new()) {
            if path.first().is_some_and(|first| first == "crate") {
                self.names.insert(path[1..].to_vec());
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let mut parts = path.segments.iter().map(|segment| segment.ident.to_string());
        if parts.next().is_some_and(|first| first == "crate") {
            self.names.insert(parts.collect());
        }
        syn::visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::modules;

    fn circles_of(files: &[(&str, &str)]) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        of(&modules::read(&folder.path().join("lib.rs")).unwrap()).iter().map(Vec::len).collect()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::B;\n");

    #[test]
    fn files_that_need_each_other_are_a_circle_through_re_exports_and_paths_too() {
        let two = [
            ROOT,
            ("a.rs", "use crate::B;\npub struct A;"),
            ("b.rs", "fn f() { crate::a::g() }\npub struct B;"),
            ("c.rs", ""),
        ];
        assert_eq!(circles_of(&two), [2]);
        let three =
            [ROOT, ("a.rs", "use crate::B;"), ("b.rs", "use crate::c::{C, D};"), ("c.rs", "use crate::A as X;")];
        assert_eq!(circles_of(&three), [3]);
    }

    #[test]
    fn a_chain_and_a_circle_of_tests_are_none() {
        let chain = [ROOT, ("a.rs", "use crate::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use std::fmt;")];
        assert_eq!(circles_of(&chain), [0; 0]);
        let of_tests =
            [ROOT, ("a.rs", "use crate::B;"), ("b.rs", "#[cfg(test)]\nmod tests { use crate::A; }"), ("c.rs", "")];
        assert_eq!(circles_of(&of_tests), [0; 0]);
    }
}
