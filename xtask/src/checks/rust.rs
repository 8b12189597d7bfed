//! Which file of a crate uses which other, read from the paths in its code.
//!
//! A name counts as used from the file that defines it, whatever re-exports it on the way: a module that uses
//! `super::Name`, which its parent re-exports from a sibling, uses the sibling, and the re-export itself uses nothing.
//! Tests are left out, and so are calls of methods, which name no file.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, Item, ItemMod, ItemUse, Macro, UseTree, Visibility,
    visit::{self, Visit},
};

use super::circles::Uses;

/// The longest chain of imports that is followed: more than there are in real code.
const MAX_IMPORTS: usize = 16;

/// Returns the uses between the files of the crate whose root is `file`.
pub(super) fn uses(file: &Path) -> Result<Uses> {
    let mut code = Code::default();
    code.read_file(file, file.parent().unwrap_or(Path::new("")), None)?;
    let mut uses = Uses::default();
    for (module, path) in &code.paths {
        if let Some(Target::Item {
            module: definer,
            name,
        }) = code.resolve(*module, path, MAX_IMPORTS)
        {
            uses.add(&code.modules[*module].file, &code.modules[definer].file, &name);
        }
    }
    Ok(uses)
}

/// The modules of a crate; the first is its root.
#[derive(Default)]
struct Code {
    modules: Vec<Module>,
    /// Paths of names as they stand in the code, each with the module it stands in; `name!` for a macro's call.
    paths: Vec<(usize, Vec<String>)>,
    /// The module that defines each `macro_rules!`, which is called without a path.
    macros: HashMap<String, usize>,
}

struct Module {
    file: PathBuf,
    parent: usize,
    names: HashMap<String, Name>,
    /// Imports of all names of a module.
    globs: Vec<Vec<String>>,
}

/// What a name in a module stands for.
enum Name {
    Item,
    Module(usize),
    Import(Vec<String>),
}

/// What a path leads to.
enum Target {
    Module(usize),
    Item { module: usize, name: String },
}

impl Code {
    /// Reads the module in `file`, whose child modules are below `folder`.
    fn read_file(&mut self, file: &Path, folder: &Path, parent: Option<usize>) -> Result<usize> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("parse {}", file.display()))?;
        self.read_module(&parsed.items, file, folder, parent)
    }

    fn read_module(
        &mut self,
        items: &[Item],
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
    ) -> Result<usize> {
        let module = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent: parent.unwrap_or(module),
            names: HashMap::new(),
            globs: Vec::new(),
        });
        for item in items {
            self.read_item(item, module, file, folder)?;
        }
        Ok(module)
    }

    fn read_item(&mut self, item: &Item, module: usize, file: &Path, folder: &Path) -> Result<()> {
        let (name, attributes) = head(item);
        if attributes.iter().any(is_for_tests) {
            return Ok(());
        }
        match item {
            Item::Mod(inner) => {
                let name = inner.ident.to_string();
                let below = folder.join(&name);
                let child = match &inner.content {
                    Some((_, items)) => self.read_module(items, file, &below, Some(module))?,
                    None => self.read_file(&file_of(inner, folder), &below, Some(module))?,
                };
                self.modules[module].names.insert(name, Name::Module(child));
                return Ok(());
            }
            Item::Use(import) => {
                let scope = &mut self.modules[module];
                for (path, name) in leaves(&import.tree) {
                    match name {
                        None => scope.globs.push(path),
                        // Where an item has the name too, it is in another of the namespaces.
                        Some(name) => {
                            scope.names.entry(name).or_insert(Name::Import(path));
                        }
                    }
                }
            }
            Item::Macro(_) => self.macros.extend(name.map(|name| (name.to_string(), module))),
            _ => {}
        }
        self.modules[module]
            .names
            .extend(name.map(|name| (name.to_string(), Name::Item)));
        Paths { code: self, module }.visit_item(item);
        Ok(())
    }

    /// Follows a path that stands in `module`; `None` where it leads out of the crate.
    fn resolve(&self, module: usize, path: &[String], imports: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        if let Some(name) = first.strip_suffix('!') {
            let module = *self.macros.get(name)?;
            return Some(Target::Item {
                module,
                name: name.to_owned(),
            });
        }
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent),
            name => self.look_up(module, name, imports)?,
        };
        while let (Target::Module(at), Some((name, after))) = (&target, rest.split_first()) {
            rest = after;
            target = match name.as_str() {
                "self" => continue,
                "super" => Target::Module(self.modules[*at].parent),
                name => match self.look_up(*at, name, imports) {
                    Some(found) => found,
                    // It leads to another crate.
                    None if self.modules[*at].names.contains_key(name) => return None,
                    // A macro defines it there, which is not seen.
                    None => Target::Item {
                        module: *at,
                        name: name.to_owned(),
                    },
                },
            };
        }
        Some(target)
    }

    fn look_up(&self, module: usize, name: &str, imports: usize) -> Option<Target> {
        let imports = imports.checked_sub(1)?;
        let scope = &self.modules[module];
        match scope.names.get(name) {
            Some(Name::Module(child)) => Some(Target::Module(*child)),
            Some(Name::Import(path)) => self.resolve(module, path, imports),
            Some(Name::Item) => Some(Target::Item {
                module,
                name: name.to_owned(),
            }),
            None => scope
                .globs
                .iter()
                .find_map(|glob| match self.resolve(module, glob, imports)? {
                    Target::Module(source) => self.look_up(source, name, imports),
                    Target::Item { .. } => None,
                }),
        }
    }
}

/// Collects the paths in a module's own code.
struct Paths<'a> {
    code: &'a mut Code,
    module: usize,
}

impl Paths<'_> {
    fn add(&mut self, path: Vec<String>) {
        self.code.paths.push((self.module, path));
    }

    /// Collects what looks like a path inside a macro's call.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.add(std::mem::take(&mut path));
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.add(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add(path);
    }
}

impl Visit<'_> for Paths<'_> {
    fn visit_item(&mut self, item: &Item) {
        // Modules inside a module are read as modules of their own.
        if !matches!(item, Item::Mod(_)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &ItemUse) {
        // A re-export hands a name on and does not use it.
        if matches!(import.vis, Visibility::Inherited) {
            for (path, _) in leaves(&import.tree) {
                self.add(path);
            }
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.add(
            path.segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
        );
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &Macro) {
        if let Some(name) = call.path.get_ident() {
            self.add(vec![format!("{name}!")]);
        }
        self.visit_path(&call.path);
        self.add_tokens(call.tokens.clone());
    }

    // Neither uses what it names.
    fn visit_attribute(&mut self, _: &Attribute) {}
    fn visit_visibility(&mut self, _: &Visibility) {}
}

/// The name that an item defines, and its attributes.
fn head(item: &Item) -> (Option<&Ident>, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(&item.ident), &item.attrs),
        Item::Enum(item) => (Some(&item.ident), &item.attrs),
        Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Static(item) => (Some(&item.ident), &item.attrs),
        Item::Struct(item) => (Some(&item.ident), &item.attrs),
        Item::Trait(item) => (Some(&item.ident), &item.attrs),
        Item::Type(item) => (Some(&item.ident), &item.attrs),
        Item::Union(item) => (Some(&item.ident), &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => (None, &[]),
    }
}

/// Whether an attribute leaves its item out of all builds but those of tests.
fn is_for_tests(attribute: &Attribute) -> bool {
    let tokens = attribute.meta.require_list().map(|list| list.tokens.to_string());
    attribute.path().is_ident("cfg")
        && tokens.is_ok_and(|text| text == "test" || text.starts_with("all (test"))
}

/// The file of a module that is declared without its content.
fn file_of(module: &ItemMod, folder: &Path) -> PathBuf {
    let flat = folder.join(format!("{}.rs", module.ident));
    let nested = folder.join(module.ident.to_string()).join("mod.rs");
    if flat.is_file() { flat } else { nested }
}

/// The paths that a `use` imports, each with the name it gets; without one where it stands for all names.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, Option<String>)> {
    let single = |name: &Ident, given: &Ident| vec![(vec![name.to_string()], Some(given.to_string()))];
    match tree {
        UseTree::Name(leaf) => single(&leaf.ident, &leaf.ident),
        UseTree::Rename(leaf) => single(&leaf.ident, &leaf.rename),
        UseTree::Glob(_) => vec![(Vec::new(), None)],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let mut below = leaves(&path.tree);
            for (rest, name) in &mut below {
                rest.insert(0, first.clone());
                // `use a::{self}` imports `a`.
                if name.as_deref() == Some("self") {
                    rest.pop();
                    *name = rest.last().cloned();
                }
            }
            below
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::circles, *};

    /// Returns the arrows of a crate of these files, as `user>definer`.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let uses = uses(&folder.path().join("lib.rs")).unwrap();
        uses.arrows(folder.path())
    }

    #[test]
    fn a_name_is_used_from_the_file_that_defines_it() {
        let found = arrows(&[
            ("lib.rs", "mod shop;"),
            ("shop/mod.rs", "mod stock; mod till; pub(crate) use stock::Shelf;"),
            ("shop/stock.rs", "pub(crate) struct Shelf;"),
            ("shop/till.rs", "use super::Shelf; fn f(_: Shelf) {}"),
        ]);
        assert_eq!(found, ["shop/till.rs>shop/stock.rs"]);
    }

    #[test]
    fn paths_in_code_macros_and_inline_modules_count_and_those_of_tests_do_not() {
        let found = arrows(&[
            (
                "lib.rs",
                "mod a; mod b; mod c; mod d; macro_rules! say { () => {} }",
            ),
            (
                "a.rs",
                "fn f() { crate::b::g(); println!(\"{}\", crate::c::H); say!(); }",
            ),
            (
                "b.rs",
                "pub fn g() {} mod inner { use super::super::d::*; fn f(_: Part) {} }",
            ),
            (
                "c.rs",
                "pub const H: u8 = 0; #[cfg(test)] mod tests { use crate::a; fn f() { a::f(); } }",
            ),
            ("d.rs", "use std::fmt::Debug; pub struct Part;"),
        ]);
        assert_eq!(found, ["a.rs>b.rs", "a.rs>c.rs", "a.rs>lib.rs", "b.rs>d.rs"]);
    }

    #[test]
    fn a_child_that_uses_what_its_parent_defines_is_a_circle_where_the_parent_uses_the_child() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("main.rs", "mod child; struct Shared; fn main() { child::run() }");
        write("child.rs", "use crate::Shared; pub fn run() { drop(Shared) }");
        let uses = uses(&folder.path().join("main.rs")).unwrap();
        let circles = circles::find(&uses);
        let text = uses.describe(circles.first().unwrap(), folder.path());
        assert!(text.contains("child.rs uses main.rs: Shared"), "{text}");
        assert!(text.contains("main.rs uses child.rs: run"), "{text}");
    }
}
