//! Deadlines of very many connections, to the second: four bytes each.

use std::time::Duration;

use sockless::Moment;

/// How many seconds ahead a deadline is told apart; a later one comes by early and is put in again.
const SLOTS: u32 = 512;

pub struct Wheel {
    /// What is due in each second to come.
    slots: Vec<Vec<u32>>,
    /// The second that is being worked on.
    tick: u32,
    /// How many entries there are.
    len: usize,
}

impl Wheel {
    pub fn new() -> Wheel {
        Wheel { slots: vec![Vec::new(); SLOTS as usize], tick: 0, len: 0 }
    }

    /// The tick for a deadline: never before it, and at most a second after it.
    pub fn tick(&self, due: Moment) -> u32 {
        (ticks(due) + 1).clamp(self.tick + 1, self.tick + SLOTS - 1)
    }

    pub fn insert(&mut self, index: usize, tick: u32) {
        self.slots[(tick % SLOTS) as usize].push(index as u32);
        self.len += 1;
    }

    /// An entry that is due by now, with its tick.
    pub fn due(&mut self, now: Moment) -> Option<(usize, u32)> {
        loop {
            let slot = &mut self.slots[(self.tick % SLOTS) as usize];
            if let Some(index) = slot.pop() {
                self.len -= 1;
                return Some((index as usize, self.tick));
            }
            *slot = Vec::new();
            if self.tick >= ticks(now) {
                return None;
            }
            self.tick += 1;
        }
    }

    /// How long nothing is due: no longer than to the next second, unless there is nothing at all.
    pub fn wait(&self, now: Moment) -> Option<Duration> {
        let next = Moment::from(Duration::from_secs(u64::from(self.tick) + 1));
        (self.len > 0).then(|| next.since(now))
    }
}

fn ticks(moment: Moment) -> u32 {
    moment.since(Moment::ORIGIN).as_secs() as u32
}
