"""What went wrong, as octavia-lib's exceptions.

Octavia shows ``user_fault_string`` to the user and logs ``operator_fault_string``; any exception makes it roll the call
back. Which exception a refusal becomes is the host's word alone, for every method.
"""

from octavia_lib.api.drivers import exceptions

NOT_REACHABLE = "The load balancer provider is not reachable. Please try again later."
NO_ANSWER = "The load balancer provider did not answer in time; the request was given up. Please try again later."
MISCONFIGURED = "The load balancer provider is not set up correctly. Please tell the operator."
NO_REASON = "The load balancer provider could not carry out the request."

_BY_WORD = {
    "UnsupportedOptionError": exceptions.UnsupportedOptionError,
    "NotImplementedError": exceptions.NotImplementedError,
    "NotFound": exceptions.NotFound,
    # octavia-lib has it since 3.9.
    "Conflict": getattr(exceptions, "Conflict", exceptions.DriverError),
    "DriverError": exceptions.DriverError,
}


def is_refusal(answer):
    """Whether this is an error as the provider API has them."""
    return isinstance(answer, dict) and isinstance(answer.get("error"), str)


def refused(method, url, status, answer):
    """The exception for an answer that is no success: the host's word and its two texts as they are."""
    if not is_refusal(answer):
        return exceptions.DriverError(
            # A 503 is what proxies say for a host that is down.
            user_fault_string=NOT_REACHABLE if status == 503 else MISCONFIGURED,
            operator_fault_string=f"{method}: {url} answered {status} without an error of the provider API: is it a Weir host?",
        )
    user = str(answer.get("user_fault_string") or answer.get("code") or NO_REASON)
    operator = str(answer.get("operator_fault_string") or user)
    if status in (401, 403):
        # Not about the user's request: octavia.conf and weir.toml disagree.
        user = MISCONFIGURED
    kind = _BY_WORD.get(answer["error"], exceptions.DriverError)
    return kind(user_fault_string=user, operator_fault_string=operator)


def wrong_result(method):
    """The exception for a 200 without the result that the method has."""
    return exceptions.DriverError(
        user_fault_string=MISCONFIGURED,
        operator_fault_string=f"{method}: the Weir host answered 200 without a usable result: is it of another version?",
    )


def unreachable(method, faults):
    """The exception when no host got the call."""
    return exceptions.DriverError(
        user_fault_string=NOT_REACHABLE,
        operator_fault_string=f"{method}: no Weir host could be reached: {'; '.join(faults)}",
    )


def unanswered(method, url, key, fault, abandoned):
    """The exception when a host may have got the call and did not answer it."""
    fate = "is abandoned" if abandoned else "could not be abandoned: the host takes it back when Octavia does not know it"
    return exceptions.DriverError(
        user_fault_string=NO_ANSWER,
        operator_fault_string=f"{method}: {url} did not answer ({fault}); change {key} {fate}",
    )


def failed(method, url, key, detail):
    """The exception when the host accepted the call, did not answer, and has given it up since."""
    return exceptions.DriverError(
        user_fault_string=NO_REASON,
        operator_fault_string=f"{method}: {url} did not answer, and its change {key} failed: {detail}",
    )


def not_json(method, detail):
    """The exception when Octavia hands over something that JSON does not have."""
    return exceptions.DriverError(
        user_fault_string=NO_REASON, operator_fault_string=f"{method}: the request cannot be sent to a Weir host: {detail}"
    )


def wrong_setting(method, detail):
    """The exception when ``[weir]`` in octavia.conf cannot be used."""
    return exceptions.DriverError(
        user_fault_string=MISCONFIGURED, operator_fault_string=f"{method}: section [weir] of octavia.conf: {detail}"
    )
