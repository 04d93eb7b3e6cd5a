//! Imports between the files of a crate, and the cycles of these imports.
//!
//! An import leads to the file that defines the imported name: `super::Name` and `crate::a::Name`
//! are followed through declarations of modules and re-exports. So `mod` and the `pub use` of a
//! parent module are no imports of their own. Code for tests is left out.

use std::collections::{BTreeMap, BTreeSet};

/// The files that each file imports, with the names that it imports from them.
pub type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A module: a file, or a part of one.
#[derive(Default)]
struct Module {
    file: String,
    /// Index of the parent; of the root: its own.
    parent: usize,
    children: BTreeMap<String, usize>,
    /// The path behind each imported or re-exported name.
    aliases: BTreeMap<String, Vec<String>>,
    /// Paths whose names are all imported.
    globs: Vec<Vec<String>>,
    /// Names of functions, types, constants and so on.
    items: BTreeSet<String>,
    /// Paths in `use`, each with whether it is only a re-export.
    used: Vec<(Vec<String>, bool)>,
    /// Paths in the code, of two names or more.
    paths: Vec<Vec<String>>,
    /// Names in the code outside `use`.
    names: BTreeSet<String>,
}

/// Draws the imports of the crate whose root is `lib.rs`. `read` gives the text of a file.
pub fn imports(read: &dyn Fn(&str) -> Option<String>) -> Imports {
    let mut modules = vec![Module { file: "lib.rs".into(), ..Module::default() }];
    load(&mut modules, 0, "", read);

    let mut imports = Imports::new();
    for (at, module) in modules.iter().enumerate() {
        let is_needed = |path: &[String]| path.last().is_some_and(|n| module.names.contains(n));
        let used = module.used.iter().filter(|(path, re)| !re || is_needed(path));
        let from = imports.entry(module.file.clone()).or_default();
        for path in used.map(|(path, _)| path).chain(&module.paths) {
            if let Some(file) = definition(&modules, at, path)
                && file != module.file
            {
                from.entry(file.to_owned()).or_default().insert(path.join("::"));
            }
        }
    }
    imports
}

/// The groups of files that import each other, directly or through others of the group.
pub fn cycles(imports: &Imports) -> BTreeSet<BTreeSet<String>> {
    let reached = |from: &str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = open.pop() {
            for next in imports.get(&file).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (file, reached(file))).collect();
    let group = |file: &String| {
        let mutual = |other: &&String| reached.get(other).is_some_and(|back| back.contains(file));
        reached[file].iter().filter(mutual).cloned().collect::<BTreeSet<_>>()
    };
    imports.keys().map(group).filter(|group| !group.is_empty()).collect()
}

/// The imports within a group of files, one a line.
pub fn within(imports: &Imports, group: &BTreeSet<String>) -> String {
    let mut lines = String::new();
    for file in group {
        for (to, names) in imports.get(file).into_iter().flatten() {
            if group.contains(to) {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                lines += &format!("  {file} -> {to} ({})\n", names.join(", "));
            }
        }
    }
    lines
}

/// The file that defines what `path` leads to, seen from module `at`. `None` for other crates, and
/// for paths that lead to a module itself: only the names behind it count.
fn definition<'a>(modules: &'a [Module], at: usize, path: &[String]) -> Option<&'a str> {
    follow(modules, at, path, false, 0).and_then(|end| match end {
        End::Module(_) => None,
        End::Item(module) => Some(modules[module].file.as_str()),
    })
}

enum End {
    Module(usize),
    Item(usize),
}

/// `inside`: the first name is one of this module, and not of another crate.
fn follow(
    modules: &[Module],
    at: usize,
    path: &[String],
    inside: bool,
    depth: usize,
) -> Option<End> {
    // Imports of a name from itself, as in `use a::{a}`.
    if depth > 20 {
        return None;
    }
    let Some((first, rest)) = path.split_first() else { return Some(End::Module(at)) };
    let module = &modules[at];
    match first.as_str() {
        "crate" => return follow(modules, 0, rest, true, depth + 1),
        "self" => return follow(modules, at, rest, true, depth + 1),
        "super" => return follow(modules, module.parent, rest, true, depth + 1),
        _ => {}
    }
    if let Some(child) = module.children.get(first) {
        return follow(modules, *child, rest, true, depth + 1);
    }
    if module.items.contains(first) {
        return Some(End::Item(at));
    }
    if let Some(alias) = module.aliases.get(first) {
        return match follow(modules, at, alias, false, depth + 1)? {
            End::Module(next) => follow(modules, next, rest, true, depth + 1),
            item => Some(item),
        };
    }
    for glob in &module.globs {
        if let Some(End::Module(next)) = follow(modules, at, glob, false, depth + 1)
            && let Some(end) = follow(modules, next, path, true, depth + 1)
        {
            return Some(end);
        }
    }
    // Made by a macro, if it is a name of the crate at all.
    (inside && module.globs.is_empty()).then_some(End::Item(at))
}

/// Reads the module `at`, whose submodules are files in `dir`.
fn load(modules: &mut Vec<Module>, at: usize, dir: &str, read: &dyn Fn(&str) -> Option<String>) {
    let file = modules[at].file.clone();
    let text = read(&file).unwrap_or_else(|| panic!("{file} cannot be read"));
    let tokens = tokens(&text);
    items(modules, at, dir, &tokens, read);
}

fn items(
    modules: &mut Vec<Module>,
    at: usize,
    dir: &str,
    tokens: &[String],
    read: &dyn Fn(&str) -> Option<String>,
) {
    let mut rest = tokens;
    // Whether the current item is public: a re-export, if it is a `use`.
    let mut is_public = false;
    while let Some((token, after)) = rest.split_first() {
        match token.as_str() {
            "#" if starts(rest, &["#", "[", "cfg", "(", "test", ")", "]"]) => {
                rest = &rest[7..];
                rest = &rest[item_end(rest)..];
                continue;
            }
            "pub" => {
                is_public = true;
                rest = after;
                if starts(rest, &["("]) {
                    rest = &rest[group_end(rest)..];
                }
                continue;
            }
            "use" => {
                let end = after.iter().position(|token| token == ";").unwrap_or(after.len());
                let re_export = is_public && is_parent(&modules[at].file);
                uses(&mut modules[at], &after[..end], &[], re_export);
                rest = &after[end..];
            }
            "mod" => {
                let name = &after[0];
                let child = modules.len();
                modules.push(Module { parent: at, ..Module::default() });
                modules[at].children.insert(name.clone(), child);
                if starts(&after[1..], &["{"]) {
                    modules[child].file = modules[at].file.clone();
                    let end = group_end(&after[1..]);
                    items(modules, child, &format!("{dir}{name}/"), &after[2..end], read);
                    rest = &after[end + 1..];
                } else {
                    let whole = format!("{dir}{name}.rs");
                    let parent = format!("{dir}{name}/mod.rs");
                    modules[child].file = if read(&whole).is_some() { whole } else { parent };
                    load(modules, child, &format!("{dir}{name}/"), read);
                    rest = &after[1..];
                }
            }
            "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "union" => {
                if let Some(name) = after.iter().find(|t| !matches!(t.as_str(), "mut" | "unsafe")) {
                    modules[at].items.insert(name.clone());
                }
                rest = after;
            }
            _ if is_name(token) => {
                let mut path = vec![token.clone()];
                rest = after;
                while starts(rest, &["::"]) && rest.get(1).is_some_and(|next| is_name(next)) {
                    path.push(rest[1].clone());
                    rest = &rest[2..];
                }
                modules[at].names.insert(path[0].clone());
                if path.len() > 1 {
                    modules[at].paths.push(path);
                }
            }
            _ => rest = after,
        }
        is_public = false;
    }
}

/// Notes the paths of a `use`, of which `before` is the part before a brace.
fn uses(module: &mut Module, tokens: &[String], before: &[String], re_export: bool) {
    let mut path = before.to_vec();
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token.as_str() {
            "::" => {}
            "*" => module.globs.push(path.clone()),
            "{" => {
                let end = group_end_of("{", after);
                let mut from = 0;
                let mut depth = 0;
                for at in 0..end {
                    match after[at].as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," if depth == 0 => {
                            uses(module, &after[from..at], &path, re_export);
                            from = at + 1;
                        }
                        _ => {}
                    }
                    if at + 1 == end - 1 {
                        uses(module, &after[from..end - 1], &path, re_export);
                        break;
                    }
                }
                return;
            }
            "as" => {
                module.aliases.insert(after[0].clone(), path.clone());
                module.used.push((path, re_export));
                return;
            }
            "self" if !path.is_empty() => {}
            _ => path.push(token.clone()),
        }
    }
    if tokens.last().is_some_and(|last| last != "*")
        && let Some(name) = path.last()
    {
        module.aliases.insert(name.clone(), path.clone());
        module.used.push((path, re_export));
    }
}

fn is_parent(file: &str) -> bool {
    file == "lib.rs" || file.ends_with("/mod.rs")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn starts(tokens: &[String], with: &[&str]) -> bool {
    tokens.len() >= with.len() && tokens.iter().zip(with).all(|(token, with)| token == with)
}

/// Number of tokens of the item that begins here: up to its semicolon, or its braces.
fn item_end(tokens: &[String]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" => return at + 1,
            // A `use` ends with its semicolon.
            "{" if tokens[..at].iter().all(|token| token != "use") => {
                return at + group_end(&tokens[at..]);
            }
            "(" | "[" | "{" => at += group_end(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

/// Number of tokens of the group that begins with the first one.
fn group_end(tokens: &[String]) -> usize {
    1 + group_end_of(&tokens[0], &tokens[1..])
}

/// The same after its opening token.
fn group_end_of(open: &str, tokens: &[String]) -> usize {
    let close = match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    let mut depth = 1;
    for (at, token) in tokens.iter().enumerate() {
        if token == open {
            depth += 1;
        } else if token == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// Names and punctuation of Rust code, without comments, texts, characters and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_text(rest) {
            length
        } else if let Some(inner) = rest.strip_prefix("b\"").or_else(|| rest.strip_prefix("c\"")) {
            2 + text_end(inner, '"')
        } else if first == '"' {
            1 + text_end(&rest[1..], '"')
        } else if first == '\'' || rest.starts_with("b'") {
            let begin = if first == 'b' { 2 } else { 1 };
            let mut inner = rest[begin..].chars();
            let (one, two) = (inner.next(), inner.next());
            // A lifetime has no second quote.
            if one == Some('\\') || two == Some('\'') {
                begin + text_end(&rest[begin..], '\'')
            } else {
                begin
            }
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".into());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Length of the raw text that begins here, as `r#"text"#`.
fn raw_text(code: &str) -> Option<usize> {
    let begin = code.strip_prefix("br").or_else(|| code.strip_prefix('r'))?;
    let inner = begin.trim_start_matches('#').strip_prefix('"')?;
    let hashes = begin.len() - inner.len() - 1;
    let end = inner.find(&format!("\"{}", "#".repeat(hashes)))?;
    Some(code.len() - inner.len() + end + 1 + hashes)
}

/// Length up to and including the closing quote.
fn text_end(code: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in code.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    code.len()
}
