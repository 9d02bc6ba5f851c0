//! What goes out when, and what becomes of it when the agent fails.

use std::time::Duration;

use uuid::Uuid;

use super::{
    ObjectKind::{Listener, LoadBalancer, Member, Pool},
    StatusUpdate,
    schedule_case::{Case, MS, io, malformed, operating, refused, update},
    sending::GIVE_UP,
};

#[test]
fn many_load_balancers_share_a_message_in_the_agents_order() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, LoadBalancer, 1, "ACTIVE"), update(2, 1, Member, 11, "ACTIVE")]);
    case.enqueue([update(3, 2, LoadBalancer, 2, "ERROR"), operating(4, 2, Pool, 21, "ONLINE")]);
    assert_eq!(
        case.actions(),
        ["1: members/11 ACTIVE, pools/21 ONLINE, loadbalancers/1 ACTIVE, loadbalancers/2 ERROR"]
    );
    assert_eq!(case.schedule.wake_at(case.now), None);
    assert_eq!(case.delivered(), [0; 0]);
    case.sent(1, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3, 4]);
    assert_eq!(case.schedule.backlog(case.now).waiting, 0);
}

#[test]
fn the_last_status_wins_field_by_field_and_superseded_ones_are_delivered_with_it() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 2, "ERROR")]);
    case.enqueue([update(2, 1, Pool, 2, "ACTIVE")]);
    case.enqueue([operating(3, 1, Pool, 2, "DEGRADED")]);
    assert_eq!(case.actions(), ["1: pools/2 ACTIVE+DEGRADED"]);
    case.sent(1, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3]);
}

#[test]
fn an_operating_status_does_not_undo_a_deletion() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 2, "DELETED")]);
    case.enqueue([operating(2, 1, Pool, 2, "ONLINE")]);
    assert_eq!(case.actions(), ["1: pools/2 DELETED+ONLINE"]);
}

#[test]
fn a_second_message_never_overtakes_one_of_the_same_load_balancer() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 2, "ERROR")]);
    assert_eq!(case.actions(), ["1: pools/2 ERROR"]);
    case.enqueue([update(2, 1, Pool, 2, "ACTIVE"), update(3, 3, Pool, 4, "ACTIVE")]);
    assert_eq!(case.actions(), ["2: pools/4 ACTIVE"]);
    case.sent(1, Ok(()));
    assert_eq!(case.actions(), ["3: pools/2 ACTIVE"]);
    case.sent(3, Ok(()));
    case.sent(2, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3]);
}

#[test]
fn a_failed_message_comes_again_under_what_came_meanwhile() {
    let mut case = Case::new();
    case.enqueue([StatusUpdate { operating: Some("ONLINE".into()), ..update(1, 1, Pool, 2, "ERROR") }]);
    assert_eq!(case.actions(), ["1: pools/2 ERROR+ONLINE"]);
    case.enqueue([update(2, 1, Pool, 2, "ACTIVE")]);
    case.sent(1, Err(io()));
    assert_eq!(case.actions(), [] as [&str; 0]);
    assert_eq!(case.wait(), MS(50));
    assert_eq!(case.actions(), ["2: pools/2 ACTIVE+ONLINE"]);
    assert_eq!(case.delivered(), [0; 0]);
}

#[test]
fn a_dead_agent_is_tried_for_ever_with_one_message_and_growing_pauses() {
    let mut case = Case::new();
    for lb in 0..1_000 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    assert_eq!(case.actions().len(), 2);
    case.sent(1, Err(io()));
    case.sent(2, Err(io()));
    let mut at = Vec::new();
    for message in 3..13 {
        at.push(case.wait().as_millis());
        assert_eq!(case.actions().len(), 1);
        case.sent(message, Err(io()));
    }
    assert_eq!(at, [100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300, 26300]);
    assert_eq!(case.schedule.backlog(case.now).waiting, 1_000);
    assert!(case.schedule.backlog(case.now).last_error.unwrap().contains("connection refused"));
    case.wait();
    let mut message = 13;
    while case.schedule.backlog(case.now).waiting > 0 {
        for _ in case.actions() {
            case.sent(message, Ok(()));
            message += 1;
        }
    }
    assert_eq!(message, 13 + 5);
    assert_eq!(case.delivered().len(), 1_000);
}

#[test]
fn a_load_balancers_own_status_comes_after_those_of_its_many_members() {
    let mut case = Case::new();
    let members = (0..450).map(|n| update(n, 1, Member, 1_000 + u128::from(n), "ACTIVE"));
    case.enqueue(members.chain([update(450, 1, LoadBalancer, 1, "ACTIVE")]).collect::<Vec<_>>());
    for (message, own) in [(1, false), (2, false), (3, true)] {
        let actions = case.actions();
        assert_eq!(actions.len(), 1);
        assert_eq!(actions[0].contains("loadbalancers/1"), own);
        case.sent(message, Ok(()));
    }
    assert_eq!(case.delivered().len(), 451);
}

#[test]
fn a_failing_record_is_set_aside_and_the_rest_goes_on() {
    let mut case = Case::new();
    case.enqueue([
        update(1, 1, Member, 11, "ACTIVE"),
        update(2, 1, Listener, 12, "ACTIVE"),
        update(3, 1, LoadBalancer, 1, "ACTIVE"),
        update(4, 2, Listener, 22, "ACTIVE"),
    ]);
    assert_eq!(
        case.actions(),
        ["1: members/11 ACTIVE, listeners/12 ACTIVE, listeners/22 ACTIVE, loadbalancers/1 ACTIVE"]
    );
    case.sent(1, Err(refused(Listener, 12)));
    assert_eq!(case.delivered(), [1]);
    assert_eq!(case.actions(), ["2: listeners/22 ACTIVE, loadbalancers/1 ACTIVE"]);
    case.sent(2, Ok(()));
    assert_eq!(case.delivered(), [3, 4]);
    assert_eq!(case.wait(), MS(50));
    assert_eq!(case.actions(), ["3: listeners/12 ACTIVE"]);
    case.sent(3, Err(refused(Listener, 12)));
    assert_eq!(case.wait(), MS(150));
    assert_eq!(case.actions(), ["4: listeners/12 ACTIVE"]);
    case.sent(4, Ok(()));
    assert_eq!(case.delivered(), [2]);
}

#[test]
fn a_record_refused_for_fifteen_minutes_is_given_up() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Listener, 2, "ACTIVE")]);
    let mut message = 0;
    while case.schedule.backlog(case.now).waiting > 0 {
        message += 1;
        assert_eq!(case.actions(), [format!("{message}: listeners/2 ACTIVE")]);
        case.sent(message, Err(refused(Listener, 2)));
        // Others are taken meanwhile.
        message += 1;
        case.enqueue([update(1_000 + message, 5, Pool, 5, "ACTIVE")]);
        assert_eq!(case.actions(), [format!("{message}: pools/5 ACTIVE")]);
        case.pass(MS(1));
        case.sent(message, Ok(()));
        if case.schedule.backlog(case.now).waiting > 0 {
            case.wait();
        }
    }
    let waited = case.now - case.start;
    assert!(waited >= GIVE_UP && waited < GIVE_UP + Duration::from_secs(10), "{waited:?}");
    assert!(case.delivered().contains(&1));
    assert_eq!(case.schedule.wake_at(case.now), None);
}

#[test]
fn dropped_statuses_are_neither_sent_nor_sent_again() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 2, "ACTIVE"), update(2, 1, Pool, 3, "ACTIVE")]);
    assert_eq!(case.actions().len(), 1);
    case.enqueue([update(3, 1, Pool, 2, "ERROR")]);
    case.schedule.drop_pending(Uuid::from_u128(1), Pool, Uuid::from_u128(2));
    assert_eq!(case.delivered(), [1, 3]);
    case.sent(1, Err(io()));
    case.wait();
    assert_eq!(case.actions(), ["2: pools/3 ACTIVE"]);
    case.sent(2, Ok(()));
    assert_eq!(case.delivered(), [2]);
    assert_eq!(case.schedule.backlog(case.now).waiting, 0);
}

#[test]
fn a_record_that_makes_the_agent_hang_up_ends_alone() {
    let mut case = Case::new();
    for lb in 1..=8 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    // The agent hangs up whenever load balancer 3 is in a message.
    let (mut message, mut messages) = (0, 0);
    while case.schedule.backlog(case.now).waiting > 1 {
        assert!(messages < 20, "{messages}");
        let actions = case.actions();
        if actions.is_empty() {
            case.wait();
        }
        for action in actions {
            (message, messages) = (message + 1, messages + 1);
            case.sent(message, if action.contains("loadbalancers/3 ") { Err(malformed()) } else { Ok(()) });
        }
    }
    assert_eq!(case.delivered(), [1, 2, 4, 5, 6, 7, 8]);
    // From now on it is alone, and the others are not slowed down.
    case.enqueue([update(10, 10, LoadBalancer, 10, "ACTIVE")]);
    let actions = case.actions();
    assert_eq!(actions, [format!("{}: loadbalancers/10 ACTIVE", message + 1)]);
    case.sent(message + 1, Ok(()));
    case.wait();
    case.enqueue([update(11, 11, LoadBalancer, 11, "ACTIVE")]);
    let expected = [(2, 3), (3, 11)].map(|(n, lb)| format!("{}: loadbalancers/{lb} ACTIVE", message + n));
    assert_eq!(case.actions(), expected);
}
