//! When an object that Octavia was about to create is known to have been rolled back.

use std::time::Duration;

use super::{
    ObjectKind::{HealthMonitor, Listener, LoadBalancer, Pool},
    StatusUpdate,
    schedule::{Schedule, UNKNOWN_AFTER},
    schedule_case::{Case, created, io, malformed, operating, refused, shown, timeout, update},
};

/// Drives a case in which Octavia shows the load balancer without children, or not at all, and takes every status;
/// how long until something is missing.
fn until_missing(case: &mut Case, known: bool) -> (Duration, Vec<StatusUpdate>) {
    let begun = case.now;
    loop {
        for action in case.next_actions() {
            match action.split_once(": ") {
                Some((message, _)) => case.sent(message.parse().unwrap(), Ok(())),
                None => case.asked(1, Ok(if known { shown(1, &[]) } else { None })),
            }
        }
        let missing = case.missing();
        if !missing.is_empty() {
            return (case.now - begun, missing);
        }
    }
}

#[test]
fn the_load_balancers_own_status_waits_ten_seconds_for_the_object_and_then_proves_it_missing() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(until_missing(&mut case, true), (Duration::from_secs(10), vec![created(1, 1, Listener, 2)]));
    assert_eq!(case.delivered(), [1, 2]);
    assert_eq!(case.schedule.wake_at(case.now), None);
}

#[test]
fn a_later_status_of_the_load_balancer_is_as_good() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2), created(2, 1, HealthMonitor, 3)]);
    case.enqueue([operating(3, 1, LoadBalancer, 1, "ONLINE")]);
    let (waited, missing) = until_missing(&mut case, true);
    assert_eq!((waited, missing.len()), (Duration::ZERO, 2));
    assert_eq!(case.delivered(), [1, 2, 3]);
}

#[test]
fn without_a_status_of_the_load_balancer_it_takes_fifteen_minutes_or_what_the_caller_says() {
    for (unknown_after, more) in [(UNKNOWN_AFTER, None), (Duration::from_secs(60), Some(Pool))] {
        let mut case = Case::new();
        case.schedule = Schedule::new(unknown_after);
        case.enqueue([created(1, 1, Listener, 2)]);
        case.enqueue(more.map(|kind| update(2, 1, kind, 7, "ACTIVE")).into_iter().collect::<Vec<_>>());
        let (waited, missing) = until_missing(&mut case, true);
        assert_eq!(missing, [created(1, 1, Listener, 2)]);
        assert!(waited >= unknown_after && waited <= unknown_after + Duration::from_secs(5), "{waited:?}");
    }
}

#[test]
fn an_answer_without_the_load_balancer_proves_nothing() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    let (waited, _) = until_missing(&mut case, false);
    assert!(waited >= UNKNOWN_AFTER, "{waited:?}");
}

#[test]
fn a_question_begun_before_the_status_was_taken_proves_nothing() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2)]);
    case.enqueue([update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["ask 1", "1: loadbalancers/1 ACTIVE"]);
    // The agent read the load balancer before the API committed, and the status waited for that.
    case.sent(1, Ok(()));
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.missing(), []);
    case.wait();
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[2])));
    assert_eq!(case.actions(), ["2: listeners/2 ACTIVE"]);
}

#[test]
fn a_status_that_was_under_way_before_the_object_came_proves_nothing() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["1: loadbalancers/1 ACTIVE"]);
    case.enqueue([created(2, 1, Listener, 2)]);
    case.sent(1, Ok(()));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.missing(), []);
    // It came back, and went again under a newer one.
    case.enqueue([update(3, 1, LoadBalancer, 1, "ERROR")]);
    assert_eq!(case.actions(), ["2: loadbalancers/1 ERROR"]);
    case.sent(2, Ok(()));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.missing(), [created(2, 1, Listener, 2)]);
}

#[test]
fn a_status_that_was_not_taken_proves_nothing() {
    for result in [Err(io()), Err(malformed()), Err(timeout()), Err(refused(LoadBalancer, 1))] {
        let mut case = Case::new();
        case.enqueue([created(1, 1, Listener, 2)]);
        case.enqueue([update(2, 1, LoadBalancer, 1, "ACTIVE")]);
        assert_eq!(case.actions(), ["ask 1", "1: loadbalancers/1 ACTIVE"]);
        case.asked(1, Ok(shown(1, &[])));
        case.sent(1, result);
        case.wait();
        assert!(case.actions().contains(&"ask 1".to_owned()));
        case.asked(1, Ok(shown(1, &[])));
        assert_eq!(case.missing(), []);
    }
}

#[test]
fn a_status_taken_before_another_was_refused_is_taken() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2)]);
    case.enqueue([update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    case.enqueue([update(3, 5, LoadBalancer, 5, "ACTIVE")]);
    assert_eq!(case.actions(), ["ask 1", "1: loadbalancers/1 ACTIVE, loadbalancers/5 ACTIVE"]);
    case.asked(1, Ok(shown(1, &[])));
    case.sent(1, Err(refused(LoadBalancer, 5)));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.missing(), [created(1, 1, Listener, 2)]);
}

#[test]
fn neither_an_empty_status_nor_a_deletion_of_the_load_balancer_proves_anything() {
    for status in ["", "DELETED"] {
        let mut case = Case::new();
        case.enqueue([created(1, 1, Listener, 2)]);
        case.enqueue([update(2, 1, LoadBalancer, 1, status)]);
        let mut actions = case.actions();
        assert_eq!(actions.remove(0), "ask 1");
        case.asked(1, Ok(shown(1, &[])));
        actions.extend(case.actions());
        assert_eq!(actions, [format!("1: loadbalancers/1 {status}")]);
        case.sent(1, Ok(()));
        case.wait();
        assert_eq!(case.actions(), ["ask 1"]);
        case.asked(1, Ok(shown(1, &[])));
        assert_eq!(case.missing(), []);
    }
}

#[test]
fn an_object_that_is_created_again_needs_a_status_after_that() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2)]);
    case.enqueue([update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["ask 1", "1: loadbalancers/1 ACTIVE"]);
    case.asked(1, Err(io()));
    case.sent(1, Ok(()));
    case.enqueue([created(3, 1, Listener, 2)]);
    case.wait();
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.missing(), []);
    case.enqueue([update(4, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(until_missing(&mut case, true).0, Duration::ZERO);
    assert_eq!(case.delivered(), [1, 2, 3, 4]);
}

#[test]
fn a_status_merged_with_a_later_one_still_waits_for_the_object_it_came_with() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    case.enqueue([operating(3, 1, LoadBalancer, 1, "ONLINE")]);
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[2])));
    assert_eq!(case.actions(), ["1: listeners/2 ACTIVE, loadbalancers/1 ACTIVE+ONLINE"]);
}
