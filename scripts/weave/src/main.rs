//! Weaves the mutants that `cargo mutants --list --json` tells into a copy of the sources, so that one build has all of
//! them: `a + b` becomes `(if on(7) { a - b } else { a + b })`, and the variable `MUTANT` says which one is awake.
//!
//!   weave TREE < LIST
//!
//! TREE is the copy, whose `src/` is written over. LIST is `{"mutants": [...], "without": [ID...], "constant": [NAME...]}`:
//! the mutants with their places in the list as ids, those to leave out, and the functions that have to stay `const`.
//! Prints the ids that cannot be woven.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use proc_macro2::{LineColumn, Span};
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A mutant of one file.
struct Mutant {
    id: usize,
    genre: String,
    replacement: String,
    span: Range<usize>,
}

/// What becomes of a range of the text.
enum Edit {
    /// Goes in here.
    Insert(String),
    /// The expression here, by mutant.
    Choice(Vec<(usize, String)>),
    /// Goes around it.
    Around(String, &'static str),
    /// Goes away.
    Remove,
}

fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("a list");
    let input: Value = serde_json::from_str(&input).expect("JSON");
    let without: BTreeSet<usize> = input["without"]
        .as_array()
        .expect("ids")
        .iter()
        .map(|id| id.as_u64().expect("an id") as usize)
        .collect();
    let constant: BTreeSet<String> = input["constant"]
        .as_array()
        .expect("names")
        .iter()
        .map(|name| name.as_str().expect("a name").into())
        .collect();
    let tree = std::env::args().nth(1).expect("the tree");
    let mut files: BTreeMap<&str, Vec<(usize, &Value)>> = BTreeMap::new();
    for (id, mutant) in input["mutants"].as_array().expect("mutants").iter().enumerate() {
        let file = files.entry(mutant["file"].as_str().expect("a file")).or_default();
        if !without.contains(&id) {
            file.push((id, mutant));
        }
    }
    let mut left: Vec<usize> = Vec::new();
    for (file, mutants) in files {
        let path = Path::new(&tree).join(file);
        let text = std::fs::read_to_string(&path).expect("a source");
        let (text, unwoven) = weave(&text, &mutants, &constant);
        left.extend(unwoven);
        std::fs::write(&path, text).expect("written");
    }
    println!("{}", serde_json::to_string(&left).expect("JSON"));
}

fn weave(text: &str, mutants: &[(usize, &Value)], constant: &BTreeSet<String>) -> (String, Vec<usize>) {
    let lines = Lines::new(text);
    let mutants = mutants
        .iter()
        .map(|(id, value)| Mutant {
            id: *id,
            genre: value["genre"].as_str().expect("a genre").into(),
            replacement: value["replacement"].as_str().expect("a replacement").into(),
            span: lines.offset_json(&value["span"]["start"])..lines.offset_json(&value["span"]["end"]),
        })
        .collect();
    let mut finder =
        Finder { text, lines, mutants, constant, in_constant: 0, edits: Vec::new(), woven: BTreeSet::new() };
    finder.visit_file(&syn::parse_file(text).expect("Rust"));
    let Finder { mut edits, woven, mutants, .. } = finder;
    // Outer ones first.
    edits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::new();
    let mut next = 0;
    render(text, 0..text.len(), &edits, &mut next, &mut out);
    (out, mutants.iter().map(|mutant| mutant.id).filter(|id| !woven.contains(id)).collect())
}

/// The text of the range, with the edits in it, which begin at the one of number `next`.
fn render(
    text: &str,
    range: Range<usize>,
    edits: &[(Range<usize>, Edit)],
    next: &mut usize,
    out: &mut String,
) {
    let mut at = range.start;
    while let Some((inner, edit)) = edits.get(*next) {
        if inner.start >= range.end {
            break;
        }
        *next += 1;
        out.push_str(&text[at..inner.start]);
        at = inner.end;
        match edit {
            Edit::Insert(new) => out.push_str(new),
            Edit::Remove => {}
            Edit::Around(before, after) => {
                out.push_str(before);
                render(text, inner.clone(), edits, next, out);
                out.push_str(after);
            }
            Edit::Choice(branches) => {
                out.push('(');
                for (id, branch) in branches {
                    out.push_str(&format!(
                        "if crate::woven::on({id}) {{ /*<{id}*/ {branch} /*{id}>*/ }} else "
                    ));
                }
                out.push_str("{ ");
                render(text, inner.clone(), edits, next, out);
                out.push_str(" })");
            }
        }
    }
    out.push_str(&text[at..range.end]);
}

struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Lines {
            text,
            starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
        }
    }

    /// `column` counts characters from zero.
    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts[line - 1];
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    }

    fn offset_json(&self, place: &Value) -> usize {
        let number = |name: &str| place[name].as_u64().expect("a number") as usize;
        self.offset(number("line"), number("column") - 1)
    }

    fn range(&self, span: Span) -> Range<usize> {
        let at = |place: LineColumn| self.offset(place.line, place.column);
        at(span.start())..at(span.end())
    }
}

struct Finder<'t> {
    text: &'t str,
    lines: Lines<'t>,
    mutants: Vec<Mutant>,
    constant: &'t BTreeSet<String>,
    in_constant: usize,
    edits: Vec<(Range<usize>, Edit)>,
    woven: BTreeSet<usize>,
}

impl Finder<'_> {
    /// The mutants of this genre at this place.
    fn at(&self, genre: &str, span: &Range<usize>) -> Vec<(usize, String)> {
        self.mutants
            .iter()
            .filter(|mutant| self.in_constant == 0 && mutant.genre == genre && mutant.span == *span)
            .map(|mutant| (mutant.id, mutant.replacement.clone()))
            .collect()
    }

    fn choose(&mut self, range: Range<usize>, branches: Vec<(usize, String)>) {
        if !branches.is_empty() {
            self.woven.extend(branches.iter().map(|(id, _)| *id));
            self.edits.push((range, Edit::Choice(branches)));
        }
    }

    /// A function's values; visits its body. Takes `const` away where nobody needs it.
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let name = signature.ident.to_string();
        let stays = signature.constness.is_some() && self.constant.contains(&name);
        if let Some(token) = signature.constness.filter(|_| !stays) {
            let range = self.lines.range(token.span());
            self.edits.push((range, Edit::Remove));
        }
        if stays {
            self.in_constant += 1;
        }
        let body = self.lines.range(block.span());
        let inner = body.start + 1..body.end - 1;
        let contents = match (block.stmts.first(), block.stmts.last()) {
            (Some(first), Some(last)) => {
                self.lines.range(first.span()).start..self.lines.range(last.span()).end
            }
            _ => inner.clone(),
        };
        let mut found = Vec::new();
        // An early return has to be of the type that the body has, so an opaque one cannot be replaced here.
        let output = self.lines.range(signature.output.span());
        if !self.text[output].contains("impl ") {
            for span in [&body, &inner, &contents] {
                found.extend(self.at("FnValue", span));
            }
        }
        if !found.is_empty() {
            let text = found
                .iter()
                .map(|(id, value)| {
                    format!(" if crate::woven::on({id}) {{ /*<{id}*/ return {value}; /*{id}>*/ }}")
                })
                .collect();
            self.woven.extend(found.iter().map(|(id, _)| *id));
            self.edits.push((inner.start..inner.start, Edit::Insert(text)));
        }
        visit::visit_block(self, block);
        if stays {
            self.in_constant -= 1;
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.in_constant += 1;
        visit::visit_item_const(self, item);
        self.in_constant -= 1;
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.in_constant += 1;
        visit::visit_impl_item_const(self, item);
        self.in_constant -= 1;
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.in_constant += 1;
        visit::visit_item_static(self, item);
        self.in_constant -= 1;
    }

    fn visit_type(&mut self, kind: &'ast syn::Type) {
        self.in_constant += 1;
        visit::visit_type(self, kind);
        self.in_constant -= 1;
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        self.in_constant += 1;
        visit::visit_pat(self, pattern);
        self.in_constant -= 1;
    }

    fn visit_expr_repeat(&mut self, expression: &'ast syn::ExprRepeat) {
        self.visit_expr(&expression.expr);
        self.in_constant += 1;
        self.visit_expr(&expression.len);
        self.in_constant -= 1;
    }

    fn visit_expr_const(&mut self, expression: &'ast syn::ExprConst) {
        self.in_constant += 1;
        visit::visit_expr_const(self, expression);
        self.in_constant -= 1;
    }

    fn visit_generic_argument(&mut self, argument: &'ast syn::GenericArgument) {
        self.in_constant += 1;
        visit::visit_generic_argument(self, argument);
        self.in_constant -= 1;
    }

    fn visit_expr_binary(&mut self, expression: &'ast syn::ExprBinary) {
        let operator = self.lines.range(expression.op.span());
        let left = self.lines.range(expression.left.span());
        let whole = left.start..self.lines.range(expression.right.span()).end;
        let branches = self
            .at("BinaryOperator", &operator)
            .into_iter()
            .map(|(id, new)| {
                let (before, after) =
                    (&self.text[whole.start..operator.start], &self.text[operator.end..whole.end]);
                (id, format!("{before}{new}{after}"))
            })
            .collect();
        self.choose(whole, branches);
        visit::visit_expr_binary(self, expression);
    }

    fn visit_expr_unary(&mut self, expression: &'ast syn::ExprUnary) {
        let operator = self.lines.range(expression.op.span());
        let whole = operator.start..self.lines.range(expression.expr.span()).end;
        let branches = self
            .at("UnaryOperator", &operator)
            .into_iter()
            .map(|(id, new)| (id, format!("{new}{}", &self.text[operator.end..whole.end])))
            .collect();
        self.choose(whole, branches);
        visit::visit_expr_unary(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let pattern = self.lines.range(arm.pat.span());
        let whole = self.lines.range(arm.span());
        let body = pattern.start..self.lines.range(arm.body.span()).end;
        let guard = arm.guard.as_ref().map(|(_, guard)| self.lines.range(guard.span()));
        let deleted: Vec<_> =
            self.at("MatchArm", &whole).into_iter().chain(self.at("MatchArm", &body)).collect();
        if let Some((id, _)) = deleted.first() {
            let asleep = format!("!crate::woven::on({id})");
            self.edits.push(match &guard {
                Some(guard) => (guard.clone(), Edit::Around(format!("{asleep} && ("), ")")),
                None => (pattern.end..pattern.end, Edit::Insert(format!(" if {asleep}"))),
            });
            self.woven.insert(*id);
        }
        if let Some(guard) = guard {
            let branches = self.at("MatchArmGuard", &guard);
            self.choose(guard, branches);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        let whole = self.lines.range(expression.span());
        let mut branches = Vec::new();
        for field in &expression.fields {
            let range = self.lines.range(field.span());
            for (id, _) in self.at("StructField", &range) {
                let after = self.text[range.end..whole.end].trim_start().trim_start_matches(',');
                branches.push((id, format!("{}{}", &self.text[whole.start..range.start], after)));
            }
        }
        self.choose(whole, branches);
        visit::visit_expr_struct(self, expression);
    }
}
