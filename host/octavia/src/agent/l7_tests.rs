//! L7 policies that Octavia has stored with a fully populated create.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ObjectKind::{L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool},
    schedule_case::{Case, created, io, refused, shown, update},
};

/// Load balancer 1 with listener 2 (policies 5 with rule 6, and 7), listener 3, and pool 4 that policy 5 names.
fn graph(enabled: bool) -> Option<Value> {
    let id = Uuid::from_u128;
    Some(json!({
        "loadbalancer_id": id(1),
        "listeners": [
            {
                "listener_id": id(2),
                "l7policies": [
                    {
                        "l7policy_id": id(5), "listener_id": id(2), "redirect_pool_id": id(4), "admin_state_up": enabled,
                        "rules": [{ "l7rule_id": id(6), "l7policy_id": id(5) }],
                    },
                    { "l7policy_id": id(7), "redirect_pool_id": null, "admin_state_up": true, "rules": null },
                ],
            },
            { "listener_id": id(3), "l7policies": null },
        ],
        "pools": [{ "pool_id": id(4) }],
    }))
}

const CREATED: &str = "1: pools/4 ACTIVE, l7rules/6 ERROR+ERROR, l7policies/5 ERROR+ERROR, l7policies/7 ERROR+ERROR, \
                       listeners/2 ACTIVE, listeners/3 ACTIVE, loadbalancers/1 ACTIVE";

fn create(case: &mut Case) {
    case.enqueue([
        created(1, 1, Pool, 4),
        created(2, 1, Listener, 2),
        created(3, 1, Listener, 3),
        created(4, 1, LoadBalancer, 1),
    ]);
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(graph(true)));
}

#[test]
fn policies_of_a_created_listener_are_told_error_in_its_message() {
    let mut case = Case::new();
    create(&mut case);
    assert_eq!(case.actions(), [CREATED]);
    // Nothing of it is lost with a message.
    case.sent(1, Err(io()));
    assert_eq!(case.next_actions(), [CREATED.replacen("1:", "2:", 1)]);
    case.sent(2, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3, 4]);
    let policies = case.schedule.take_policies();
    assert_eq!(policies.iter().map(|(lb, of)| (lb.as_u128(), of.len())).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!(case.schedule.take_policies(), []);
}

#[test]
fn refused_policy_does_not_hold_back_its_listener() {
    let mut case = Case::new();
    create(&mut case);
    assert_eq!(case.actions(), [CREATED]);
    // Its user has deleted it meanwhile.
    case.sent(1, Err(refused(L7Policy, 5)));
    let rest = "2: l7policies/7 ERROR+ERROR, listeners/2 ACTIVE, listeners/3 ACTIVE, loadbalancers/1 ACTIVE";
    assert_eq!(case.next_actions(), [rest]);
}

#[test]
fn change_of_a_redirect_pool_releases_the_policys_listener() {
    let mut case = Case::new();
    create(&mut case);
    case.actions();
    case.sent(1, Ok(()));
    case.enqueue([
        update(5, 1, Member, 8, "DELETED"),
        update(6, 1, Pool, 4, "ACTIVE"),
        update(7, 1, LoadBalancer, 1, "ACTIVE"),
    ]);
    let all = "2: members/8 DELETED, pools/4 ACTIVE, listeners/2 ACTIVE, loadbalancers/1 ACTIVE";
    assert_eq!(case.actions(), [all]);
    case.sent(2, Ok(()));
    // A listener that the change deletes stays deleted.
    case.enqueue([update(8, 1, Listener, 2, "DELETED"), update(9, 1, Pool, 4, "ACTIVE")]);
    assert_eq!(case.actions(), ["3: pools/4 ACTIVE, listeners/2 DELETED"]);
    case.sent(3, Ok(()));
    assert!(case.schedule.take_policies().iter().all(|(_, policies)| policies.is_empty()));
    case.enqueue([update(10, 1, Pool, 4, "ACTIVE")]);
    assert_eq!(case.actions(), ["4: pools/4 ACTIVE"]);
}

#[test]
fn policies_found_with_a_new_member_release_the_listener_but_are_not_told_again() {
    let mut case = Case::new();
    // After a restart nothing is known of them.
    case.enqueue([
        created(1, 1, Member, 8),
        update(2, 1, Pool, 4, "ACTIVE"),
        update(3, 1, LoadBalancer, 1, "ACTIVE"),
    ]);
    assert_eq!(case.actions(), ["ask 1"]);
    let mut answer = graph(true).unwrap();
    answer["pools"][0]["members"] = json!([{ "member_id": Uuid::from_u128(8) }]);
    case.asked(1, Ok(Some(answer)));
    assert_eq!(
        case.actions(),
        ["1: members/8 ACTIVE, pools/4 ACTIVE, listeners/2 ACTIVE, loadbalancers/1 ACTIVE"]
    );
    case.sent(1, Ok(()));
    assert_eq!(case.delivered(), [1, 2, 3]);
}

#[test]
fn disabled_policy_releases_no_listener() {
    let mut case = Case::new();
    case.enqueue([created(1, 1, Listener, 3), update(2, 1, Pool, 4, "ACTIVE")]);
    assert_eq!(case.actions(), ["ask 1"]);
    case.asked(1, Ok(graph(false)));
    assert_eq!(case.actions(), ["1: pools/4 ACTIVE, listeners/3 ACTIVE"]);
}

#[test]
fn deleted_policies_and_rules_are_forgotten() {
    let mut case = Case::new();
    create(&mut case);
    case.actions();
    case.sent(1, Ok(()));
    case.schedule.take_policies();
    case.enqueue([update(5, 1, L7Rule, 6, "DELETED"), update(6, 1, L7Policy, 7, "DELETED")]);
    let left = case.schedule.take_policies();
    assert_eq!(left.len(), 1);
    let ids: Vec<_> = left[0].1.iter().map(|policy| (policy.id.as_u128(), policy.rules.len())).collect();
    assert_eq!(ids, [(5, 0)]);
    case.actions();
    case.sent(2, Ok(()));
    // What Octavia shows is what counts.
    case.enqueue([created(7, 1, Listener, 9)]);
    case.actions();
    case.asked(1, Ok(shown(1, &[2, 9])));
    assert_eq!(case.schedule.take_policies(), [(Uuid::from_u128(1), vec![])]);
}
