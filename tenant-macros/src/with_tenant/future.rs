//! Functions that are not `async` but return a future: what `#[async_trait]` makes of a method, and
//! what people write by hand.

use proc_macro2::TokenStream;
use syn::{
    Block, Error, Expr, ExprAsync, ExprReturn, Ident, Item, Path, Result, ReturnType, Stmt, Type,
    TypeImplTrait, TypeParamBound, TypePath, TypeTraitObject,
    parse::Parser as _,
    visit::{self, Visit},
};

/// Futures that have their tenant, or were spawned with one, when they are returned.
const CARRIES_A_TENANT: [&str; 2] = ["InTenant", "JoinHandle"];

/// Names that stand for a pinned and boxed future.
const BOXED: [&str; 2] = ["BoxFuture", "LocalBoxFuture"];

/// A function's body that ends in an `async` block.
pub(super) struct FutureBody {
    pub(super) before: Vec<Stmt>,
    pub(super) shell: Shell,
    pub(super) block: ExprAsync,
}

/// What the `async` block is wrapped in.
pub(super) enum Shell {
    Bare,
    /// `Box::pin(async ..)`.
    Call(Box<Expr>),
    /// `(async ..).boxed()`.
    Method(Ident),
}

/// Whether a function with this return type returns a future, somewhere in its value.
pub(super) fn is_returned(output: &ReturnType) -> bool {
    let mut found = FindsFuture::default();
    found.visit_return_type(output);
    found.future
}

/// Whether the returned value takes its tenant along by itself.
pub(super) fn carries_a_tenant(output: &Type) -> bool {
    matches!(output, Type::Path(TypePath { path, .. }) if last_is(path, &CARRIES_A_TENANT))
}

/// Finds the `async` block that a body ends in, and makes sure that no other future is returned.
pub(super) fn body(tokens: TokenStream, output: &ReturnType) -> Result<FutureBody> {
    let mut before = Block::parse_within.parse2(tokens)?;
    let Some(Stmt::Expr(last, None)) = before.pop() else {
        return Err(gone(output));
    };
    let (shell, block) = unwrap(last).ok_or_else(|| gone(output))?;
    let mut early = FindsReturn(None);
    before
        .iter()
        .for_each(|statement| early.visit_stmt(statement));
    match early.0 {
        Some(error) => Err(error),
        None => Ok(FutureBody {
            before,
            shell,
            block,
        }),
    }
}

fn gone(output: &ReturnType) -> Error {
    Error::new_spanned(
        output,
        "the tenant would be gone before this future runs: write an `async fn`, \
         or end the body in `async move { .. }` or `Box::pin(async move { .. })`",
    )
}

fn unwrap(expression: Expr) -> Option<(Shell, ExprAsync)> {
    match expression {
        Expr::Async(block) => Some((Shell::Bare, block)),
        Expr::Group(group) => unwrap(*group.expr),
        Expr::Paren(paren) => unwrap(*paren.expr),
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else {
                return None;
            };
            let mut names = function.path.segments.iter().rev();
            let is = |name: Option<&syn::PathSegment>, wanted| {
                name.is_some_and(|segment| segment.ident == wanted)
            };
            if !(is(names.next(), "pin") && is(names.next(), "Box")) || call.args.len() != 1 {
                return None;
            }
            let block = bare(call.args.into_iter().next()?)?;
            Some((Shell::Call(call.func), block))
        }
        Expr::MethodCall(call) => {
            if !(call.method == "boxed" || call.method == "boxed_local") || !call.args.is_empty() {
                return None;
            }
            Some((Shell::Method(call.method), bare(*call.receiver)?))
        }
        _ => None,
    }
}

fn bare(expression: Expr) -> Option<ExprAsync> {
    match unwrap(expression)? {
        (Shell::Bare, block) => Some(block),
        _ => None,
    }
}

fn last_is(path: &Path, names: &[&str]) -> bool {
    path.segments
        .last()
        .is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}

#[derive(Default)]
struct FindsFuture {
    future: bool,
}

impl FindsFuture {
    fn bounds<'a>(&mut self, bounds: impl IntoIterator<Item = &'a TypeParamBound>) {
        self.future |= bounds.into_iter().any(|bound| {
            matches!(bound, TypeParamBound::Trait(bound) if last_is(&bound.path, &["Future", "IntoFuture"]))
        });
    }
}

impl<'ast> Visit<'ast> for FindsFuture {
    fn visit_type_impl_trait(&mut self, implementor: &'ast TypeImplTrait) {
        self.bounds(&implementor.bounds);
        visit::visit_type_impl_trait(self, implementor);
    }

    fn visit_type_trait_object(&mut self, object: &'ast TypeTraitObject) {
        self.bounds(&object.bounds);
        visit::visit_type_trait_object(self, object);
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if last_is(&path.path, &CARRIES_A_TENANT) {
            return;
        }
        self.future |= last_is(&path.path, &BOXED);
        visit::visit_type_path(self, path);
    }
}

/// Finds a `return` of the function itself, which would get around the scope.
struct FindsReturn(Option<Error>);

impl<'ast> Visit<'ast> for FindsReturn {
    fn visit_expr_return(&mut self, early: &'ast ExprReturn) {
        let error = Error::new_spanned(
            early,
            "the future returned here would run without its tenant: \
             move the decision into the `async` block, or write an `async fn`",
        );
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    // These have returns of their own.
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_item(&mut self, _: &'ast Item) {}
}
