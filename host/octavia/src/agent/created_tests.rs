//! Objects that Octavia has not committed yet, or never will, and load balancers that go.

use super::{
    ObjectKind::{Listener, LoadBalancer, Pool},
    schedule::UNKNOWN_AFTER,
    schedule_case::{Case, MS, created, io, shown, update},
};

#[test]
fn a_new_objects_status_waits_until_the_object_shows_and_holds_what_came_with_it_but_nobody_else() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    case.enqueue([update(3, 5, LoadBalancer, 5, "ACTIVE")]);
    assert_eq!(case.actions(), ["ask 1", "1: loadbalancers/5 ACTIVE"]);
    case.sent(1, Ok(()));
    // Octavia has not committed: first the load balancer is as before, then it is there.
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.wait(), MS(50));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[7])));
    assert_eq!(case.wait(), MS(150));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[7, 2])));
    assert_eq!(case.actions(), ["2: listeners/2 ACTIVE, loadbalancers/1 ACTIVE"]);
    case.sent(2, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3]);
    assert_eq!(case.schedule.wake_at(case.now), None);
}

#[test]
fn one_question_serves_all_new_objects_of_a_load_balancer() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, LoadBalancer, 1), created(2, 1, Listener, 2), created(3, 1, Listener, 3)]);
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(None));
    case.wait();
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[2, 3])));
    assert_eq!(case.actions(), ["1: listeners/2 ACTIVE, listeners/3 ACTIVE, loadbalancers/1 ACTIVE"]);
}

#[test]
fn an_unreachable_get_socket_proves_no_object_missing() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 2)]);
    while case.now - case.start < UNKNOWN_AFTER * 3 {
        // It also wakes once for the end of the hold, with nothing to do.
        for action in case.actions() {
            assert_eq!(action, "ask 1");
            case.asked(1, Err(io()));
        }
        case.wait();
    }
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[])));
    assert_eq!(case.schedule.take_missing(), []);
    case.wait();
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(shown(1, &[2])));
    assert_eq!(case.actions(), ["1: listeners/2 ACTIVE"]);
}

#[test]
fn a_load_balancer_is_deleted_only_while_it_is_known() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, LoadBalancer, 1, "DELETED"), update(2, 1, Pool, 2, "DELETED")]);
    case.enqueue([update(3, 3, LoadBalancer, 3, "DELETED")]);
    assert_eq!(case.actions(), ["ask 1", "ask 3", "1: pools/2 DELETED"]);
    case.sent(1, Ok(()));
    case.asked(1, Ok(shown(1, &[])));
    case.asked(3, Ok(None));
    assert_eq!(case.delivered(), [2, 3]);
    assert_eq!(case.actions(), ["2: loadbalancers/1 DELETED"]);
    // Whether it arrived is not known, so it is asked again.
    case.sent(2, Err(io()));
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(None));
    assert_eq!(case.delivered(), [1]);
    assert_eq!(case.schedule.wake_at(case.now), None);
}
