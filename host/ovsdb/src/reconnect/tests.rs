use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs a script of what happens and notes what is done, as `SECONDS:ACTION`.
struct Script {
    start: Instant,
    now: Instant,
    machine: Reconnect,
    log: Vec<String>,
}

impl Script {
    fn new(endpoints: usize, max: u64) -> Self {
        let start = Instant::now();
        Self {
            start,
            now: start,
            machine: Reconnect::new(endpoints, SECOND * u32::try_from(max).unwrap()),
            log: Vec::new(),
        }
    }

    /// Waits as told until the next attempt, and notes it.
    fn attempt(&mut self) -> &mut Self {
        if let Action::Wait(until) = self.machine.action(self.now) {
            assert!(until > self.now);
            self.now = until;
        }
        match self.machine.action(self.now) {
            Action::Connect(number) => {
                self.log.push(format!("{}:{number}", (self.now - self.start).as_secs_f64()))
            }
            Action::Wait(_) => panic!("waits twice"),
        }
        self
    }

    fn fails(&mut self) -> &mut Self {
        self.machine.ended(self.now, Ending::Failed);
        self
    }

    fn is_unfit(&mut self) -> &mut Self {
        self.machine.ended(self.now, Ending::Unfit);
        self
    }

    fn serves(&mut self, time: Duration) -> &mut Self {
        self.machine.active(self.now);
        self.now += time;
        self.machine.active(self.now);
        self.machine.ended(self.now, Ending::Failed);
        self
    }
}

#[test]
fn one_endpoint_backs_off_up_to_the_limit() {
    let mut script = Script::new(1, 5);
    for _ in 0..6 {
        script.attempt().fails();
    }
    assert_eq!(script.log, ["0:0", "1:0", "3:0", "7:0", "12:0", "17:0"]);
}

#[test]
fn all_endpoints_are_tried_before_a_pause() {
    let mut script = Script::new(3, 8);
    for _ in 0..7 {
        script.attempt().fails();
    }
    assert_eq!(script.log, ["0:0", "0:1", "0:2", "1:0", "1:1", "1:2", "3:0"]);
}

#[test]
fn a_lost_leader_is_left_at_once_and_the_backoff_starts_over() {
    let mut script = Script::new(3, 8);
    script.attempt().fails().attempt().fails().attempt().fails(); // until second 1
    script.attempt().fails().attempt().serves(SECOND * 60);
    for _ in 0..4 {
        script.attempt().fails();
    }
    assert_eq!(script.log, ["0:0", "0:1", "0:2", "1:0", "1:1", "61:2", "61:0", "61:1", "62:2"]);
}

#[test]
fn a_single_server_that_was_lost_is_tried_again_at_once() {
    let mut script = Script::new(1, 8);
    script.attempt().serves(SECOND * 60).attempt().fails().attempt();
    assert_eq!(script.log, ["0:0", "60:0", "61:0"]);
}

#[test]
fn a_server_that_serves_only_for_moments_is_not_hammered() {
    let mut script = Script::new(1, 8);
    for _ in 0..5 {
        script.attempt().serves(Duration::from_millis(1));
    }
    assert_eq!(script.log, ["0:0", "1.001:0", "3.002:0", "7.003:0", "15.004:0"]);
}

#[test]
fn a_limit_below_the_first_pause_is_the_first_pause() {
    let mut script = Script::new(1, 0);
    for _ in 0..3 {
        script.attempt().fails();
    }
    assert_eq!(script.log, ["0:0", "1:0", "2:0"]);
}

#[test]
fn an_election_is_asked_for_sooner() {
    let mut script = Script::new(2, 8);
    for _ in 0..3 {
        script.attempt().is_unfit().attempt().fails();
    }
    script.attempt().fails().attempt().fails().attempt();
    assert_eq!(
        script.log,
        ["0:0", "0:1", "0.25:0", "0.25:1", "0.75:0", "0.75:1", "1.75:0", "1.75:1", "9.75:0"]
    );
}

#[test]
fn any_number_of_failures_stays_within_the_limit() {
    let mut script = Script::new(1, 8);
    for _ in 0..100 {
        script.attempt().fails();
    }
    let last: f64 = script.log.last().unwrap().strip_suffix(":0").unwrap().parse().unwrap();
    assert_eq!(last, 1.0 + 2.0 + 4.0 + 8.0 * 96.0);
}

#[test]
fn first_answer_is_limited_where_there_are_others_and_doubles_with_each_round() {
    let mut alone = Script::new(1, 8);
    alone.fails();
    assert_eq!(alone.machine.patience(), Patience::default());
    let mut script = Script::new(2, 8);
    let mut limits = Vec::new();
    for _ in 0..5 {
        script.attempt();
        limits.push(script.machine.patience().first_answer.unwrap().as_secs());
        script.fails();
    }
    assert_eq!(limits, [4, 4, 8, 8, 16]);
}

#[test]
fn doublings_are_those_of_the_endpoint() {
    let mut script = Script::new(2, 8);
    let mut seen = Vec::new();
    for doublings in [1, 0, 2, 0, 0] {
        seen.push(script.attempt().machine.patience().doublings);
        script.machine.double(doublings);
        script.fails();
    }
    assert_eq!(seen, [0, 0, 1, 0, 2]);
}
