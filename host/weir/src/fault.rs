//! Errors of the layers below, as the API words them.

use weir_journal::JournalError;
use weir_model::{ApplyError, Change, LoadBalancerId};
use weir_octavia::Refusal;
use weir_plan::{PlanError, Problem};

/// Why a change does not fit the load balancer.
pub fn of_apply(change: &Change, error: &ApplyError) -> Refusal {
    let text = format!("{}: {error}", change.method());
    match error {
        ApplyError::NotFound { .. } => Refusal::not_found(error.code(), text),
        ApplyError::Exists { .. } => Refusal::driver(error.code(), text),
        ApplyError::Twice { .. } => Refusal::malformed(error.code(), text),
    }
}

/// Why there is no plan.
pub fn of_plan(error: &PlanError) -> Refusal {
    match error {
        PlanError::Translation(problem) => of_problem(problem),
        PlanError::VipTaken { .. } | PlanError::NotInSchema { .. } => {
            Refusal::unsupported(error.code(), error.to_string())
        }
        PlanError::Foreign { .. } | PlanError::Unsound { .. } => {
            Refusal::driver(error.code(), error.to_string())
        }
    }
}

/// What a plugin refused, or that it failed.
pub fn of_problem(problem: &Problem) -> Refusal {
    let refusal = if problem.refused {
        Refusal::unsupported(problem.code.as_str(), problem.user.as_str())
    } else {
        Refusal::driver(problem.code.as_str(), problem.user.as_str())
    };
    refusal.operator(problem.operator.as_str())
}

/// Why nothing is made of rows that do not say what they are of.
pub fn of_unreadable(lb: LoadBalancerId) -> Refusal {
    let text = format!(
        "the rows of load balancer {lb} cannot be read: none has an address in its external_ids' {}",
        weir_plan::keys::VIP
    );
    Refusal::unavailable("rows-unreadable", "the load balancer has been damaged in the Northbound; try again")
        .operator(text)
}

/// Why a change cannot be written down.
pub fn of_journal(error: &JournalError) -> Refusal {
    let refusal = match error {
        JournalError::KeyAbandoned(_) => {
            Refusal::driver("abandoned", "the call was abandoned before it came")
        }
        JournalError::KeyUsed(_) | JournalError::Duplicate(_) => {
            Refusal::driver("idempotency-key-used", "another call had this idempotency key")
        }
        _ => Refusal::unavailable(error.code(), "the provider cannot take on changes now; try again"),
    };
    refusal.operator(error.to_string())
}
