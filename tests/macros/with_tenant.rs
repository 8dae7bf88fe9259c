//! `#[with_tenant(..)]` on every shape of function.

use std::{
    fmt::{Debug, Display},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, LocalBoxFuture},
};
use sea_orm_tenant::{InTenant, InvalidTenantId, TenantContext, TenantId, with_tenant};
use tokio::task::{JoinHandle, yield_now};
use tracing::instrument;

const ACME: TenantId = TenantId::from_static("acme");
const GLOBEX: TenantId = TenantId::from_static("globex");

fn current() -> Option<TenantId> {
    TenantContext::try_current()
}

/// The future is `Send`, it runs for `expected`, and nothing of that remains outside.
async fn runs_for<T>(
    expected: TenantId,
    future: impl Future<Output = (Option<TenantId>, T)> + Send,
) -> T {
    let outside = current();
    let (seen, value) = future.await;
    assert_eq!(seen, Some(expected));
    assert_eq!(current(), outside);
    value
}

/// Remembers the tenant that it was dropped in.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Option<TenantId>>>);

struct Guard(Witness);

impl Witness {
    fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    fn dropped_in(&self) -> Option<TenantId> {
        self.0.lock().unwrap().clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = current();
    }
}

mod literal {
    use super::*;

    #[with_tenant("acme")]
    async fn awaits() -> (Option<TenantId>, Option<TenantId>) {
        let before = current();
        yield_now().await;
        (before, current())
    }

    #[with_tenant("acme")]
    fn at_once() -> Option<TenantId> {
        current()
    }

    #[with_tenant("acme")]
    async fn nothing() {
        assert_eq!(current(), Some(ACME));
    }

    #[with_tenant("globex")]
    async fn calls_acme() -> [Option<TenantId>; 3] {
        let before = current();
        let (_, inside) = awaits().await;
        [before, inside, current()]
    }

    macro_rules! for_tenant {
        ($id:literal, $id_again:expr) => {
            #[with_tenant($id)]
            fn passed_literal() -> Option<TenantId> {
                current()
            }

            #[with_tenant($id_again)]
            fn passed_expression() -> Option<TenantId> {
                current()
            }
        };
    }
    for_tenant!("acme", "globex");

    #[tokio::test]
    async fn the_tenant_is_current_in_the_body_and_only_there() {
        assert_eq!(awaits().await, (Some(ACME), Some(ACME)));
        assert_eq!(current(), None);
        assert_eq!(at_once(), Some(ACME));
        assert_eq!(current(), None);
        nothing().await;
        assert_eq!(passed_literal(), Some(ACME));
        assert_eq!(passed_expression(), Some(GLOBEX));
    }

    #[tokio::test]
    async fn scopes_nest() {
        assert_eq!(calls_acme().await, [Some(GLOBEX), Some(ACME), Some(GLOBEX)]);
    }

    #[tokio::test]
    async fn a_future_that_is_not_polled_sets_nothing() {
        let future = awaits();
        assert_eq!(current(), None);
        drop(future);
    }
}

mod expression {
    use super::*;

    struct Request {
        tenant: TenantId,
    }

    impl Request {
        fn tenant(&self) -> &TenantId {
            &self.tenant
        }
    }

    #[with_tenant(tenant)]
    async fn moved(tenant: TenantId) -> (Option<TenantId>, ()) {
        (current(), ())
    }

    #[with_tenant(_tenant)]
    async fn moved_and_called_unused(_tenant: TenantId) -> (Option<TenantId>, ()) {
        (current(), ())
    }

    #[with_tenant(tenant)]
    async fn borrowed(tenant: &TenantId) -> (Option<TenantId>, String) {
        yield_now().await;
        (current(), tenant.to_string())
    }

    #[with_tenant(&request.tenant)]
    async fn of_a_field(request: Request) -> (Option<TenantId>, TenantId) {
        (current(), request.tenant)
    }

    #[with_tenant(request.tenant())]
    fn of_a_method(request: &Request) -> Option<TenantId> {
        current()
    }

    #[with_tenant(GLOBEX)]
    fn constant() -> Option<TenantId> {
        current()
    }

    #[with_tenant(TenantId::try_from(name)?)]
    async fn fallible(name: &str) -> Result<Option<TenantId>, InvalidTenantId> {
        Ok(current())
    }

    #[with_tenant(name.parse::<TenantId>()?)]
    fn fallible_at_once(name: &str) -> Result<Option<TenantId>, Box<dyn std::error::Error>> {
        Ok(current())
    }

    #[with_tenant({
        assert_eq!(current(), None);
        ACME
    })]
    async fn evaluated_outside() -> (Option<TenantId>, ()) {
        (current(), ())
    }

    #[tokio::test]
    async fn the_tenant_may_come_from_the_arguments() {
        runs_for(ACME, moved(ACME)).await;
        runs_for(ACME, moved_and_called_unused(ACME)).await;
        assert_eq!(runs_for(GLOBEX, borrowed(&GLOBEX)).await, "globex");
        runs_for(ACME, of_a_field(Request { tenant: ACME })).await;
        assert_eq!(of_a_method(&Request { tenant: GLOBEX }), Some(GLOBEX));
        assert_eq!(constant(), Some(GLOBEX));
        runs_for(ACME, evaluated_outside()).await;
    }

    #[tokio::test]
    async fn a_name_that_is_no_tenant_does_not_get_into_the_body() {
        assert_eq!(fallible("acme").await.unwrap(), Some(ACME));
        assert_eq!(
            fallible("Acme").await.unwrap_err(),
            TenantId::try_from("Acme").unwrap_err()
        );
        assert_eq!(fallible_at_once("acme").unwrap(), Some(ACME));
        assert!(fallible_at_once("").is_err());
        assert_eq!(current(), None);
    }
}

mod returning {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Wrapped(String);

    impl From<std::num::ParseIntError> for Wrapped {
        fn from(error: std::num::ParseIntError) -> Self {
            Self(error.to_string())
        }
    }

    #[with_tenant("acme")]
    async fn converts_errors(number: &str) -> Result<u8, Wrapped> {
        let number = number.parse::<u8>()?;
        if number == 7 {
            return Ok(70);
        }
        yield_now().await;
        assert_eq!(current(), Some(ACME));
        Ok(number)
    }

    #[with_tenant("acme")]
    fn converts_errors_at_once(number: &str) -> Result<u8, Wrapped> {
        if number == "7" {
            return Ok(70);
        }
        Ok(number.parse()?)
    }

    #[with_tenant("acme")]
    async fn coerces(first: bool) -> Box<dyn Debug + Send> {
        if first {
            return Box::new(1_u8);
        }
        Box::new(current().unwrap())
    }

    #[with_tenant("acme")]
    fn coerces_at_once(first: bool) -> Box<dyn Debug> {
        if first {
            return Box::new(1_u8);
        }
        Box::new(current().unwrap())
    }

    #[with_tenant("acme")]
    async fn infers() -> Result<Vec<u8>, Wrapped> {
        Ok(["1", "2"]
            .iter()
            .map(|n| n.parse())
            .collect::<Result<_, _>>()?)
    }

    #[with_tenant("acme")]
    async fn unnamed() -> impl Display + Send {
        current().unwrap()
    }

    #[with_tenant("acme")]
    async fn unnamed_inside(ok: bool) -> Result<impl Display, Wrapped> {
        if !ok {
            return Err(Wrapped("no".into()));
        }
        Ok(current().unwrap())
    }

    #[with_tenant("acme")]
    fn unnamed_at_once(up_to: u8) -> impl Iterator<Item = u8> {
        assert_eq!(current(), Some(ACME));
        0..up_to
    }

    #[with_tenant("acme")]
    async fn option() -> Option<TenantId> {
        let found = current()?;
        Some(found)
    }

    #[with_tenant("acme")]
    async fn diverges() -> ! {
        panic!("in {}", current().unwrap())
    }

    #[with_tenant("acme")]
    fn diverges_at_once() -> ! {
        panic!("in {}", current().unwrap())
    }

    #[with_tenant("acme")]
    async fn returns_nothing(early: bool) {
        if early {
            return;
        }
        assert_eq!(current(), Some(ACME));
    }

    #[tokio::test]
    async fn question_marks_and_returns_leave_the_function() {
        assert_eq!(converts_errors("1").await, Ok(1));
        assert_eq!(converts_errors("7").await, Ok(70));
        assert_eq!(
            converts_errors("x").await,
            Err(Wrapped("invalid digit found in string".into()))
        );
        assert_eq!(converts_errors_at_once("7"), Ok(70));
        assert_eq!(converts_errors_at_once("8"), Ok(8));
        assert!(converts_errors_at_once("x").is_err());
        assert_eq!(option().await, Some(ACME));
        returns_nothing(true).await;
        returns_nothing(false).await;
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn the_return_type_is_known_in_the_body() {
        assert_eq!(format!("{:?}", coerces(true).await), "1");
        assert_eq!(format!("{:?}", coerces(false).await), "TenantId(acme)");
        assert_eq!(format!("{:?}", coerces_at_once(false)), "TenantId(acme)");
        assert_eq!(format!("{:?}", coerces_at_once(true)), "1");
        assert_eq!(infers().await, Ok(vec![1, 2]));
    }

    #[tokio::test]
    async fn types_without_a_name_are_returned() {
        assert_eq!(unnamed().await.to_string(), "acme");
        assert_eq!(unnamed_inside(true).await.ok().unwrap().to_string(), "acme");
        assert!(unnamed_inside(false).await.is_err());
        assert_eq!(unnamed_at_once(3).sum::<u8>(), 3);
    }

    #[tokio::test]
    async fn a_panic_ends_the_scope() {
        let panicked = std::panic::AssertUnwindSafe(async { diverges().await })
            .catch_unwind()
            .await;
        let message = *panicked.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, "in acme");
        assert_eq!(current(), None);
        let panicked = std::panic::catch_unwind(|| diverges_at_once());
        assert_eq!(
            *panicked.unwrap_err().downcast::<String>().unwrap(),
            "in acme"
        );
        assert_eq!(current(), None);
    }
}

mod arguments {
    use super::*;

    struct Pair {
        left: String,
        right: u8,
    }

    #[with_tenant("acme")]
    async fn patterns(
        (first, mut second): (u8, u8),
        Pair { left, mut right }: Pair,
        [a, .., z]: [u8; 3],
        mut text: String,
    ) -> (Option<TenantId>, (String, u8)) {
        second += first;
        right += second + a + z;
        yield_now().await;
        text.push_str(&left);
        (current(), (text, right))
    }

    #[with_tenant("acme")]
    fn patterns_at_once((first, mut second): (u8, u8), mut text: String) -> (String, u8) {
        second += first;
        text.push('!');
        (text, second)
    }

    #[with_tenant("acme")]
    async fn generic<'a, T, const N: usize>(
        items: &'a [T; N],
        pick: impl Fn(&T) -> bool + Send,
    ) -> (Option<TenantId>, Option<&'a T>)
    where
        T: Clone + Sync,
    {
        yield_now().await;
        (current(), items.iter().find(|item| pick(item)))
    }

    #[with_tenant("acme")]
    fn generic_at_once<'a, T: PartialEq>(items: &'a mut [T], wanted: &T) -> Option<&'a mut T> {
        assert_eq!(current(), Some(ACME));
        items.iter_mut().find(|item| *item == wanted)
    }

    #[with_tenant("acme")]
    async fn mutates(text: &mut String) -> &mut String {
        text.push_str(current().unwrap().as_str());
        text
    }

    #[with_tenant("acme")]
    async fn guarded(_guard: Guard, (_other, number): (Guard, u8)) -> (Option<TenantId>, u8) {
        (current(), number)
    }

    #[with_tenant("acme")]
    fn guarded_at_once(_guard: Guard) {}

    #[with_tenant("acme")]
    async fn used(guard: Guard) {
        let _used = &guard;
    }

    #[with_tenant("acme")]
    async fn with_conditions(#[cfg(not(test))] _never: Guard, #[cfg(test)] _always: Guard) {}

    #[tokio::test]
    async fn any_pattern_is_an_argument() {
        let pair = Pair {
            left: "b".into(),
            right: 1,
        };
        let outcome = runs_for(ACME, patterns((1, 2), pair, [1, 2, 3], "a".into())).await;
        assert_eq!(outcome, ("ab".into(), 8));
        assert_eq!(patterns_at_once((1, 2), "a".into()), ("a!".into(), 3));
    }

    #[tokio::test]
    async fn generics_and_borrows_stay_as_they_are() {
        let items = [1, 2, 3];
        assert_eq!(runs_for(ACME, generic(&items, |n| *n > 1)).await, Some(&2));
        let mut items = [1, 2, 3];
        *generic_at_once(&mut items, &2).unwrap() = 9;
        assert_eq!(items, [1, 9, 3]);
        let mut text = String::from("in ");
        mutates(&mut text).await.push('.');
        assert_eq!(text, "in acme.");
    }

    #[tokio::test]
    async fn guards_are_dropped_in_the_scope() {
        let [one, other, third, fourth, fifth] = [(); 5].map(|()| Witness::default());
        runs_for(ACME, guarded(one.guard(), (other.guard(), 1))).await;
        guarded_at_once(third.guard());
        used(fourth.guard()).await;
        with_conditions(fifth.guard()).await;
        for witness in [one, other, third, fourth, fifth] {
            assert_eq!(witness.dropped_in(), Some(ACME));
        }
    }

    #[tokio::test]
    async fn guards_are_dropped_in_the_scope_when_cancelled() {
        #[with_tenant("acme")]
        async fn pends(_guard: Guard) {
            std::future::pending::<()>().await;
        }
        let witness = Witness::default();
        assert!(pends(witness.guard()).now_or_never().is_none());
        assert_eq!(witness.dropped_in(), Some(ACME));
        assert_eq!(current(), None);
    }
}

mod methods {
    use super::*;

    struct Service {
        tenant: TenantId,
        calls: u8,
    }

    impl Service {
        #[with_tenant(&self.tenant)]
        async fn shared(&self) -> (Option<TenantId>, u8) {
            yield_now().await;
            (current(), self.calls)
        }

        #[with_tenant(&self.tenant)]
        async fn exclusive(&mut self) -> (Option<TenantId>, &mut u8) {
            self.calls += 1;
            yield_now().await;
            (current(), &mut self.calls)
        }

        #[with_tenant(self.tenant.clone())]
        async fn consumed(mut self) -> (Option<TenantId>, u8) {
            self.calls += 1;
            (current(), self.calls)
        }

        #[with_tenant(&self.tenant)]
        async fn shared_by_pointer(self: Arc<Self>) -> (Option<TenantId>, Arc<Self>) {
            (current(), self)
        }

        #[with_tenant(&self.tenant)]
        fn shared_at_once(&self) -> (Option<TenantId>, &TenantId) {
            (current(), &self.tenant)
        }

        #[with_tenant(&self.tenant)]
        fn exclusive_at_once(&mut self) -> &mut u8 {
            assert_eq!(current(), Some(ACME));
            self.calls += 1;
            &mut self.calls
        }

        #[with_tenant("acme")]
        pub(super) async fn associated() -> Self {
            Self {
                tenant: current().unwrap(),
                calls: 0,
            }
        }
    }

    trait Named {
        const NAME: &'static str;

        #[allow(async_fn_in_trait)]
        async fn required(&self) -> Option<TenantId>;

        #[with_tenant(TenantId::try_from(Self::NAME).unwrap())]
        #[allow(async_fn_in_trait)]
        async fn provided(&self) -> [Option<TenantId>; 2] {
            [current(), self.required().await]
        }

        #[with_tenant(TenantId::try_from(Self::NAME).unwrap())]
        fn provided_at_once(&self) -> Option<TenantId> {
            current()
        }
    }

    impl Named for Service {
        const NAME: &'static str = "globex";

        #[with_tenant(&self.tenant)]
        async fn required(&self) -> Option<TenantId> {
            current()
        }
    }

    #[tokio::test]
    async fn self_is_an_argument_like_others() {
        let mut service = Service::associated().await;
        assert_eq!(runs_for(ACME, service.shared()).await, 0);
        assert_eq!(runs_for(ACME, service.exclusive()).await, &1);
        assert_eq!(service.shared_at_once(), (Some(ACME), &ACME));
        *service.exclusive_at_once() += 1;
        let shared = runs_for(ACME, Arc::new(service).shared_by_pointer()).await;
        let service = Arc::into_inner(shared).unwrap();
        assert_eq!(runs_for(ACME, service.consumed()).await, 4);
    }

    #[tokio::test]
    async fn trait_methods_run_for_the_tenant() {
        let service = Service {
            tenant: ACME,
            calls: 0,
        };
        assert_eq!(service.provided().await, [Some(GLOBEX), Some(ACME)]);
        assert_eq!(service.provided_at_once(), Some(GLOBEX));
    }
}

mod under_async_trait {
    use super::*;

    #[async_trait]
    trait Repository: Send + Sync {
        async fn find(&self, name: &str) -> Result<Option<TenantId>, InvalidTenantId>;

        #[with_tenant("globex")]
        async fn provided(&self) -> Option<TenantId> {
            yield_now().await;
            current()
        }

        #[with_tenant(&tenant)]
        #[instrument(skip_all)]
        async fn traced(&self, tenant: TenantId) -> Option<TenantId> {
            current().filter(|seen| *seen == tenant)
        }

        #[instrument(skip_all)]
        #[with_tenant(&tenant)]
        async fn traced_around(&self, tenant: TenantId) -> Option<TenantId> {
            current().filter(|seen| *seen == tenant)
        }
    }

    struct Database {
        tenant: TenantId,
    }

    #[async_trait]
    impl Repository for Database {
        #[with_tenant(TenantId::try_from(name)?)]
        async fn find(&self, name: &str) -> Result<Option<TenantId>, InvalidTenantId> {
            assert_ne!(current().as_ref(), Some(&self.tenant));
            yield_now().await;
            TenantId::try_from(name)?;
            if name == "return" {
                return Ok(None);
            }
            Ok(current())
        }
    }

    #[async_trait(?Send)]
    trait Local {
        async fn run(&mut self, _guard: Guard, (left, right): (u8, u8)) -> Option<TenantId>;
        async fn nothing(&self);
    }

    #[async_trait(?Send)]
    impl Local for Database {
        #[with_tenant(self.tenant.clone())]
        async fn run(&mut self, _guard: Guard, (left, right): (u8, u8)) -> Option<TenantId> {
            let not_send = std::rc::Rc::new(left + right);
            yield_now().await;
            assert_eq!(*not_send, 3);
            self.tenant = GLOBEX;
            current()
        }

        #[with_tenant(&self.tenant)]
        async fn nothing(&self) {
            assert_eq!(current(), Some(self.tenant.clone()));
        }
    }

    #[tokio::test]
    async fn the_tenant_is_there_when_the_future_runs() {
        let database: Box<dyn Repository> = Box::new(Database { tenant: ACME });
        let find = async { (database.find("globex").await.unwrap(), ()) };
        runs_for(GLOBEX, find).await;
        assert!(database.find("Globex").await.is_err());
        assert_eq!(database.find("return").await.unwrap(), None);
        assert_eq!(database.provided().await, Some(GLOBEX));
        assert_eq!(database.traced(ACME).await, Some(ACME));
        assert_eq!(database.traced_around(ACME).await, Some(ACME));
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn also_without_send() {
        let witness = Witness::default();
        let mut database = Database { tenant: ACME };
        database.nothing().await;
        assert_eq!(database.run(witness.guard(), (1, 2)).await, Some(ACME));
        assert_eq!(witness.dropped_in(), Some(ACME));
        assert_eq!(current(), None);
    }
}

mod returning_futures {
    use super::*;

    #[with_tenant("acme")]
    fn unnamed(number: u8) -> impl Future<Output = (Option<TenantId>, u8)> + Send {
        assert_eq!(current(), None);
        let more = number + 1;
        async move {
            yield_now().await;
            (current(), more)
        }
    }

    #[with_tenant(TenantId::try_from(name)?)]
    fn pinned<'a>(
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Box<dyn Debug>, Box<dyn std::error::Error>>> + 'a>>
    {
        Box::pin(async move {
            if name == "return" {
                return Ok(Box::new("returned"));
            }
            "1".parse::<u8>()?;
            Ok(Box::new(current()))
        })
    }

    #[with_tenant("acme")]
    fn boxed(_guard: Guard) -> BoxFuture<'static, Box<dyn Debug + Send>> {
        async move { Box::new(current()) as _ }.boxed()
    }

    #[with_tenant("acme")]
    fn boxed_local(text: &str) -> LocalBoxFuture<'_, (Option<TenantId>, &str)> {
        async move { (current(), text) }.boxed_local()
    }

    #[with_tenant("acme")]
    fn carries() -> InTenant<impl Future<Output = Option<TenantId>>> {
        TenantContext::propagate(async { current() })
    }

    #[with_tenant("acme")]
    fn spawned() -> JoinHandle<Option<TenantId>> {
        TenantContext::spawn(async { current() })
    }

    #[with_tenant("acme")]
    async fn a_future_from_an_async_fn() -> InTenant<impl Future<Output = Option<TenantId>>> {
        TenantContext::propagate(async { current() })
    }

    #[tokio::test]
    async fn the_tenant_is_there_when_the_future_runs() {
        assert_eq!(runs_for(ACME, unnamed(1)).await, 2);
        assert_eq!(
            format!("{:?}", pinned("acme").await.unwrap()),
            "Some(TenantId(acme))"
        );
        assert_eq!(
            format!("{:?}", pinned("return").await.unwrap()),
            "\"returned\""
        );
        assert!(pinned("Acme").await.is_err());
        let witness = Witness::default();
        assert_eq!(
            format!("{:?}", boxed(witness.guard()).await),
            "Some(TenantId(acme))"
        );
        assert_eq!(witness.dropped_in(), Some(ACME));
        assert_eq!(boxed_local("text").await, (Some(ACME), "text"));
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn futures_that_carry_their_tenant_may_be_returned() {
        assert_eq!(carries().await, Some(ACME));
        assert_eq!(spawned().await.unwrap(), Some(ACME));
        assert_eq!(a_future_from_an_async_fn().await.await, Some(ACME));
    }
}

mod next_to_other_attributes {
    use super::*;

    #[instrument(skip_all, ret, err)]
    #[with_tenant(TenantId::try_from(name)?)]
    async fn traced_around(name: &str) -> Result<TenantId, InvalidTenantId> {
        yield_now().await;
        Ok(current().unwrap())
    }

    #[with_tenant(TenantId::try_from(name)?)]
    #[instrument(fields(name), ret, err)]
    async fn traced(name: &str) -> Result<TenantId, InvalidTenantId> {
        yield_now().await;
        Ok(current().unwrap())
    }

    #[instrument]
    #[with_tenant("acme")]
    fn traced_around_at_once() -> Option<TenantId> {
        current()
    }

    #[with_tenant("acme")]
    #[instrument]
    fn traced_at_once() -> Option<TenantId> {
        current()
    }

    /// Documented.
    #[must_use]
    #[inline]
    #[with_tenant("acme")]
    #[doc = "Still documented."]
    pub(super) fn decorated() -> Option<TenantId> {
        #![allow(clippy::let_and_return)]
        let seen = current();
        seen
    }

    #[tokio::test]
    async fn instrument_works_in_either_order() {
        assert_eq!(traced_around("acme").await, Ok(ACME));
        assert!(traced_around("").await.is_err());
        assert_eq!(traced("acme").await, Ok(ACME));
        assert!(traced("").await.is_err());
        assert_eq!(traced_around_at_once(), Some(ACME));
        assert_eq!(traced_at_once(), Some(ACME));
        assert_eq!(decorated(), Some(ACME));
    }

    #[tokio::test]
    #[with_tenant("acme")]
    async fn a_test_runs_for_a_tenant() {
        yield_now().await;
        assert_eq!(current(), Some(ACME));
    }

    #[with_tenant("acme")]
    #[tokio::test]
    async fn a_test_runs_for_a_tenant_the_other_way_round() {
        yield_now().await;
        assert_eq!(current(), Some(ACME));
    }
}
