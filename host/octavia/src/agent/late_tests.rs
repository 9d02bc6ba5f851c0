//! One load balancer that the agent cannot do anything about must not hold back others.

use std::time::Duration;

use super::{
    ObjectKind::{Listener, LoadBalancer, Pool},
    schedule_case::{Case, MS, created, io, malformed, refused, shown, timeout, update},
    sending::GIVE_UP,
};

#[test]
fn a_late_message_leaves_its_place_to_others_but_is_not_overtaken() {
    let mut case = Case::new();
    for lb in [1, 2] {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
        assert_eq!(case.actions(), [format!("{lb}: loadbalancers/{lb} ACTIVE")]);
    }
    case.enqueue([update(3, 1, LoadBalancer, 1, "ERROR"), update(4, 3, LoadBalancer, 3, "ACTIVE")]);
    assert_eq!(case.actions(), [] as [&str; 0]);
    case.schedule.late(1);
    assert_eq!(case.actions(), ["3: loadbalancers/3 ACTIVE"]);
    case.sent(2, Ok(()));
    case.sent(3, Ok(()));
    assert_eq!(case.actions(), [] as [&str; 0]);
    case.sent(1, Ok(()));
    assert_eq!(case.actions(), ["4: loadbalancers/1 ERROR"]);
    case.sent(4, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3, 4]);
}

#[test]
fn a_load_balancer_that_is_always_late_is_sent_alone_and_the_rest_arrives() {
    let mut case = Case::new();
    for lb in 1..=100 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    // Somebody has locked the rows of two load balancers for good.
    let stuck = |action: &str| ["loadbalancers/7 ", "loadbalancers/70 "].iter().any(|lb| action.contains(lb));
    let mut hanging: Vec<u64> = Vec::new();
    let mut seq = 1_000;
    for _ in 0..20 {
        // What comes later arrives at once.
        seq += 1;
        let lb = u128::from(seq);
        case.enqueue([update(seq, lb, LoadBalancer, lb, "ACTIVE")]);
        let mut taken = false;
        loop {
            let actions = case.actions();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                let message = action.split(':').next().unwrap().parse().unwrap();
                if stuck(&action) {
                    hanging.push(message);
                    case.schedule.late(message);
                } else {
                    taken |= action.contains(&format!("loadbalancers/{lb} "));
                    case.sent(message, Ok(()));
                }
            }
        }
        // The very first message has everything in it.
        assert!(taken || hanging == [1], "{lb} waits");
        case.pass(Duration::from_secs(120));
        hanging.drain(..).for_each(|message| case.sent(message, Err(timeout())));
    }
    let delivered = case.delivered();
    let expected = (1..=100).filter(|seq| ![7, 70].contains(seq)).chain(1_001..=1_020);
    assert_eq!(delivered, expected.collect::<Vec<_>>());
    assert_eq!(case.schedule.backlog(case.now).waiting, 2);
}

#[test]
fn no_more_than_ten_messages_are_under_way() {
    let mut case = Case::new();
    let mut messages = 0;
    for lb in 0..40 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
        for _ in case.actions() {
            messages += 1;
            case.schedule.late(messages);
        }
    }
    assert_eq!(messages, 10);
    case.sent(1, Ok(()));
    assert_eq!(case.actions().len(), 1);
}

#[test]
fn a_late_message_that_is_refused_keeps_the_one_to_blame_apart() {
    let mut case = Case::new();
    for lb in 1..=3 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    assert_eq!(case.actions().len(), 1);
    case.schedule.late(1);
    case.sent(1, Err(refused(LoadBalancer, 2)));
    assert_eq!(case.delivered(), [1]);
    case.enqueue([update(4, 4, LoadBalancer, 4, "ACTIVE")]);
    // 3 was in that message too, and is not known to be innocent.
    assert_eq!(case.actions(), ["2: loadbalancers/4 ACTIVE", "3: loadbalancers/3 ACTIVE"]);
    case.sent(3, Ok(()));
    case.wait();
    case.enqueue([update(5, 3, LoadBalancer, 3, "ERROR")]);
    assert_eq!(case.actions(), ["4: loadbalancers/2 ACTIVE"]);
    case.schedule.late(4);
    assert_eq!(case.actions(), ["5: loadbalancers/3 ERROR"]);
}

#[test]
fn a_question_without_answer_does_not_hold_back_others() {
    for failure in [timeout(), malformed()] {
        let mut case = Case::new();
        case.enqueue([created(1, 1, Listener, 2)]);
        for lb in 2..30 {
            case.enqueue([created(lb as u64, lb, Listener, 100 + lb)]);
            let begun = case.now;
            let mut delivered = Vec::new();
            while delivered.is_empty() {
                for action in case.next_actions() {
                    match action.split_once(": ") {
                        Some((message, _)) => case.sent(message.parse().unwrap(), Ok(())),
                        // The first one fails again and again.
                        None if action == "ask 1" => case.asked(1, Err(failure.clone())),
                        None => case.asked(lb, Ok(shown(lb, &[100 + lb]))),
                    }
                }
                delivered = case.delivered();
            }
            assert_eq!(delivered, [lb as u64]);
            assert!(case.now - begun <= MS(50), "{:?}", case.now - begun);
            while case.now - begun < Duration::from_secs(3) {
                assert_eq!(case.next_actions(), ["ask 1"]);
                case.asked(1, Err(failure.clone()));
            }
        }
    }
}

#[test]
fn everybody_is_asked_for_in_turn_where_the_agent_hangs_up_on_all() {
    let mut case = Case::new();
    for lb in 1..=20 {
        case.enqueue([created(lb as u64, lb, Listener, 100 + lb)]);
    }
    let mut asked = Vec::new();
    while asked.len() < 60 {
        for action in case.next_actions() {
            let lb = action.strip_prefix("ask ").unwrap().parse().unwrap();
            asked.push(lb);
            case.asked(lb, Err(malformed()));
        }
    }
    for lb in 1..=20 {
        assert!((2..=4).contains(&asked.iter().filter(|asked| **asked == lb).count()), "{asked:?}");
    }
    assert!(case.now - case.start > Duration::from_secs(5));
}

#[test]
fn many_rolled_back_objects_do_not_hold_back_a_new_one() {
    let mut case = Case::new();
    for lb in 1..=300 {
        case.enqueue([created(lb as u64, lb, Listener, 1_000 + lb)]);
    }
    let mut under_way: Vec<String> = Vec::new();
    let mut asked_new = 0;
    for round in 0..2_000 {
        under_way.extend(case.actions());
        if round == 1_000 {
            case.enqueue([created(999, 999, Listener, 2_000)]);
        }
        if under_way.is_empty() {
            case.wait();
            continue;
        }
        // Each takes a while.
        case.pass(MS(10));
        let lb = under_way.remove(0).strip_prefix("ask ").unwrap().parse().unwrap();
        asked_new += u32::from(lb == 999);
        case.asked(lb, Ok(shown(lb, &[])));
    }
    assert!(asked_new > 3, "{asked_new}");
}

#[test]
fn nothing_is_given_up_while_octavias_database_is_away() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 11, "ACTIVE"), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    case.enqueue([update(3, 2, LoadBalancer, 2, "ACTIVE")]);
    let mut message = 0;
    while case.now - case.start < GIVE_UP * 8 {
        for action in case.next_actions() {
            message += 1;
            let (_, records) = action.split_once(": ").unwrap();
            let first = match records.split(' ').next().unwrap() {
                "pools/11" => refused(Pool, 11),
                "loadbalancers/1" => refused(LoadBalancer, 1),
                _ => refused(LoadBalancer, 2),
            };
            case.sent(message, Err(first));
        }
    }
    assert_eq!(case.delivered(), [0; 0]);
    while case.schedule.backlog(case.now).waiting > 0 {
        for _ in case.next_actions() {
            message += 1;
            case.sent(message, Ok(()));
        }
    }
    assert_eq!(case.delivered(), [1, 2, 3]);
}

#[test]
fn a_dead_agent_makes_nobody_late() {
    let mut case = Case::new();
    for lb in 1..=3 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    assert_eq!(case.actions().len(), 1);
    case.sent(1, Err(io()));
    case.wait();
    assert_eq!(case.actions(), ["2: loadbalancers/1 ACTIVE, loadbalancers/2 ACTIVE, loadbalancers/3 ACTIVE"]);
}

#[test]
fn of_several_that_were_late_one_at_a_time_goes_alone_and_the_least_late_first() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["1: loadbalancers/1 ACTIVE"]);
    case.sent(1, Err(timeout()));
    for lb in 2..=4 {
        case.enqueue([update(lb as u64, lb, LoadBalancer, lb, "ACTIVE")]);
    }
    assert_eq!(case.actions(), ["2: loadbalancers/2 ACTIVE, loadbalancers/3 ACTIVE, loadbalancers/4 ACTIVE"]);
    case.pass(MS(50));
    assert_eq!(case.actions(), ["3: loadbalancers/1 ACTIVE"]);
    case.sent(2, Err(timeout()));
    case.sent(3, Err(timeout()));
    case.pass(MS(100));
    // The first one, late twice by now, comes last; and one place is free.
    for (message, lb) in [(4, 2), (5, 3), (6, 4), (7, 1)] {
        assert_eq!(case.actions(), [format!("{message}: loadbalancers/{lb} ACTIVE")]);
        case.sent(message, Ok(()));
    }
    // What arrives is no longer apart.
    case.enqueue([update(5, 1, LoadBalancer, 1, "ERROR"), update(6, 2, LoadBalancer, 2, "ERROR")]);
    assert_eq!(case.actions(), ["8: loadbalancers/1 ERROR, loadbalancers/2 ERROR"]);
}

#[test]
fn one_that_was_late_is_not_apart_for_ever() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["1: loadbalancers/1 ACTIVE"]);
    case.schedule.late(1);
    case.enqueue([update(2, 1, LoadBalancer, 1, "ERROR"), update(3, 2, LoadBalancer, 2, "ACTIVE")]);
    case.sent(1, Ok(()));
    assert_eq!(case.actions(), ["2: loadbalancers/1 ERROR, loadbalancers/2 ACTIVE"]);
}

#[test]
fn one_that_is_refused_late_is_apart_though_a_part_of_it_was_taken() {
    let mut case = Case::new();
    case.enqueue([update(1, 1, Pool, 11, "ACTIVE"), update(2, 1, LoadBalancer, 1, "ACTIVE")]);
    assert_eq!(case.actions(), ["1: pools/11 ACTIVE, loadbalancers/1 ACTIVE"]);
    case.schedule.late(1);
    case.sent(1, Err(refused(LoadBalancer, 1)));
    case.pass(MS(50));
    case.enqueue([update(3, 2, LoadBalancer, 2, "ACTIVE")]);
    assert_eq!(case.actions(), ["2: loadbalancers/2 ACTIVE", "3: loadbalancers/1 ACTIVE"]);
}
