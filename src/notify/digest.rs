//! What was told to whom, what waits, and when it goes.
//!
//! An episode is mailed when its host is convicted, once more if it rises to `confirmed`, and
//! once more when the sensor takes it back or has seen nothing for a day. An episode that is only
//! closed because the sensor ended is no news. What waits is brought up to date in its place, and
//! taken out where it was taken back before anybody was told.
//!
//! Pure: time comes in as seconds of the clock, and nothing is read or written.

use super::pick::Case;
use crate::verdict::{Class, Level};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Episodes that are remembered as told: at the bound, a sixteenth that was told longest ago
/// is forgotten.
const TOLD: usize = 16_384;
/// Cases that wait, over all owners: beyond it a case is not told, and counted.
const WAITING: usize = 4_096;
/// And of one owner, so that many of one leave room for those of others; what is beyond is counted
/// in the mail.
const OF_AN_OWNER: usize = 256;
/// Seconds of a day, in which an owner gets so many mails and no more (UTC).
const DAY: i64 = 86_400;
/// Seconds to the first try after one that failed, and at most, as it doubles.
const RETRY: i64 = 30;
const LONGEST_RETRY: i64 = 3_600;

/// Who is told: the owner's addresses, as the inventory has them.
pub type Owner = String;

/// What is known between two mails, and kept between two runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Episodes that were told, by identifier.
    told: BTreeMap<String, Told>,
    /// Owners with something to wait for, or mails of today.
    owners: BTreeMap<Owner, Queue>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    level: Level,
    class: Class,
    over: bool,
    at: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Queue {
    /// The day that `mails` are counted for, since 1970.
    day: i64,
    mails: u64,
    waiting: Vec<Waiting>,
    /// News that found no room since the last mail.
    #[serde(default)]
    omitted: u64,
    /// Tries that failed, and when the next one is.
    failures: u32,
    retry_at: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    notice: Notice,
    since: i64,
    /// The limit of a day kept it back.
    held: bool,
}

/// A case, and why it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What the sensor says.
    pub case: Case,
    /// What is new of it.
    pub news: News,
}

/// What is new of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// The host is convicted, which its owner does not know yet.
    Convicted,
    /// The owner knows, and now it is confirmed.
    Confirmed,
    /// The owner knows, and now it is over.
    Over,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It waits to be mailed.
    Waits,
    /// It waited already, and is up to date now.
    Updated,
    /// It waited and does no more: it was taken back, or is suppressed now.
    Withdrawn,
    /// There is nothing new for an owner in it.
    Nothing,
    /// Too many wait: it will not be told.
    Full,
}

/// When mails go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Seconds that the first case of a mail waits for others.
    pub digest: i64,
    /// Mails to an owner in a day.
    pub limit: u64,
}

/// What goes into one mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// To whom.
    pub owner: Owner,
    /// Of what, the most certain first.
    pub notices: Vec<Notice>,
    /// How many of them had waited for a new day.
    pub held: usize,
    /// Events with news beyond them, for which there was no room.
    pub omitted: u64,
    /// It is the last one of the day that the owner gets.
    pub last_today: bool,
}

impl Digest {
    /// Takes in what an event says of a host of this owner.
    pub fn take(&mut self, owner: &str, case: Case, now: i64) -> Taken {
        let told = self.told.get(&case.episode);
        let over = case.closed && !case.level.convicted();
        let place = self.owners.iter().find_map(|(name, queue)| {
            let same = |waiting: &Waiting| waiting.notice.case.episode == case.episode;
            Some((name.clone(), queue.waiting.iter().position(same)?))
        });
        let news = match told {
            _ if case.suppressed => None,
            Some(told) if told.over => None,
            Some(_) if over => Some(News::Over),
            None if over => None,
            Some(told) => (case.level == Level::Confirmed && told.level < case.level)
                .then_some(News::Confirmed),
            None => case.level.convicted().then_some(News::Convicted),
        };
        // What an episode was, an event says no more that ends it.
        let class = told.map(|told| told.class);
        let case = match (news, class) {
            (Some(News::Over), Some(class)) => Case { class, ..case },
            _ => case,
        };
        match (place, news) {
            (Some((name, index)), news) => {
                let Some(queue) = self.owners.get_mut(&name) else {
                    return Taken::Nothing;
                };
                let Some((news, waiting)) = news.zip(queue.waiting.get_mut(index)) else {
                    queue.waiting.remove(index);
                    return Taken::Withdrawn;
                };
                (waiting.notice.news, waiting.notice.case) = (news, case);
                Taken::Updated
            }
            (None, None) => Taken::Nothing,
            (None, Some(_)) if self.waiting() >= WAITING => Taken::Full,
            (None, Some(news)) => {
                let queue = self.owners.entry(owner.to_owned()).or_default();
                if queue.waiting.len() >= OF_AN_OWNER {
                    queue.omitted += 1;
                    return Taken::Full;
                }
                queue.waiting.push(Waiting {
                    notice: Notice { case, news },
                    since: now,
                    held: false,
                });
                Taken::Waits
            }
        }
    }

    /// As what the owner was told of the episode.
    #[must_use]
    pub fn told_as(&self, episode: &str) -> Option<Class> {
        self.told.get(episode).map(|told| told.class)
    }

    /// Asks anew whom each case that waits is told; where it is nobody, it waits no more.
    pub fn recheck(&mut self, whom: impl Fn(&Case) -> Option<Owner>) {
        let mut moved = Vec::new();
        for (owner, queue) in &mut self.owners {
            queue.waiting.retain(|waiting| {
                let whom = whom(&waiting.notice.case);
                let stays = whom.as_ref() == Some(owner);
                if !stays {
                    moved.extend(whom.map(|whom| (whom, waiting.clone())));
                }
                stays
            });
        }
        for (owner, waiting) in moved {
            let queue = self.owners.entry(owner).or_default();
            if queue.waiting.len() < OF_AN_OWNER {
                queue.waiting.push(waiting);
            } else {
                queue.omitted += 1;
            }
        }
    }

    /// A mail that is to go now; `all`: without waiting for others. The owner is out of it until
    /// [`Self::told`], [`Self::failed`] is said.
    pub fn due(&mut self, rules: Rules, now: i64, all: bool) -> Option<Batch> {
        let day = now.div_euclid(DAY);
        for (owner, queue) in &mut self.owners {
            if queue.day != day {
                (queue.day, queue.mails) = (day, 0);
            }
            let first = queue.waiting.iter().map(|waiting| waiting.since).min();
            // A clock that was set back holds up nothing.
            queue.retry_at = queue.retry_at.min(now + LONGEST_RETRY);
            let ripe = first.is_some_and(|first| all || first > now || now - first >= rules.digest);
            if !ripe || now < queue.retry_at {
                continue;
            }
            if queue.mails >= rules.limit {
                for waiting in &mut queue.waiting {
                    waiting.held = true;
                }
                continue;
            }
            let mut notices: Vec<_> = queue.waiting.iter().map(|of| of.notice.clone()).collect();
            notices.sort_by(|one, other| {
                let rank = |of: &Notice| (of.news == News::Over, std::cmp::Reverse(of.case.level));
                rank(one)
                    .cmp(&rank(other))
                    .then(one.case.host.cmp(&other.case.host))
            });
            return Some(Batch {
                owner: owner.clone(),
                notices,
                held: queue.waiting.iter().filter(|waiting| waiting.held).count(),
                omitted: queue.omitted,
                last_today: queue.mails + 1 == rules.limit,
            });
        }
        self.owners
            .retain(|_, queue| !queue.waiting.is_empty() || queue.mails > 0);
        None
    }

    /// The mail went, or the relay will never take it: its cases are not told again.
    pub fn told(&mut self, batch: &Batch, now: i64) {
        for notice in &batch.notices {
            let told = Told {
                level: notice.case.level,
                class: notice.case.class,
                over: notice.news == News::Over,
                at: now,
            };
            self.told.insert(notice.case.episode.clone(), told);
        }
        if let Some(queue) = self.owners.get_mut(&batch.owner) {
            // Those alone that were in it.
            queue
                .waiting
                .retain(|waiting| !batch.notices.contains(&waiting.notice));
            queue.mails += 1;
            queue.omitted = queue.omitted.saturating_sub(batch.omitted);
            (queue.failures, queue.retry_at) = (0, 0);
        }
        if self.told.len() > TOLD {
            let times = self
                .told
                .iter()
                .map(|(episode, told)| (told.at, episode.clone()));
            let mut eldest: Vec<_> = times.collect();
            eldest.sort_unstable();
            eldest.truncate(self.told.len() - TOLD / 16 * 15);
            for (_, episode) in eldest {
                self.told.remove(&episode);
            }
        }
    }

    /// The mail did not go and is to be tried again; yields in how many seconds.
    pub fn failed(&mut self, batch: &Batch, now: i64) -> i64 {
        let Some(queue) = self.owners.get_mut(&batch.owner) else {
            return 0;
        };
        let wait = RETRY << queue.failures.min(16);
        let wait = wait.min(LONGEST_RETRY);
        queue.failures = queue.failures.saturating_add(1);
        queue.retry_at = now + wait;
        wait
    }

    /// Waits for no time after a failure any more.
    pub fn try_again(&mut self) {
        for queue in self.owners.values_mut() {
            queue.retry_at = 0;
        }
    }

    /// Whether something waits whose last try failed.
    #[must_use]
    pub fn failing(&self) -> bool {
        let mut queues = self.owners.values();
        queues.any(|queue| queue.failures > 0 && !queue.waiting.is_empty())
    }

    /// How many cases wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.owners.values().map(|queue| queue.waiting.len()).sum()
    }

    /// How many of them wait for a new day.
    #[must_use]
    pub fn held(&self) -> usize {
        let waiting = self.owners.values().flat_map(|queue| &queue.waiting);
        waiting.filter(|waiting| waiting.held).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use std::net::IpAddr;

    const RULES: Rules = Rules {
        digest: 300,
        limit: 2,
    };

    fn case(episode: &str, level: Level) -> Case {
        Case {
            episode: episode.to_owned(),
            host: IpAddr::from([192, 0, 2, 66]),
            mac: None,
            vlan: None,
            class: Class::SpamFanout,
            level,
            closed: false,
            role: None,
            acquitted: false,
            suppressed: false,
            first_seen: Timestamp::from_parts(0, 0),
            time: Timestamp::from_parts(60, 0),
            reason: String::new(),
            evidence: Vec::new(),
            numbers: Vec::new(),
            sensor: "mxray".to_owned(),
            event: "0".to_owned(),
        }
    }

    fn over(episode: &str) -> Case {
        Case {
            closed: true,
            class: Class::Ordinary,
            ..case(episode, Level::None)
        }
    }

    /// What goes now, told.
    fn goes(digest: &mut Digest, now: i64) -> Vec<News> {
        let Some(batch) = digest.due(RULES, now, false) else {
            return Vec::new();
        };
        digest.told(&batch, now);
        batch.notices.iter().map(|notice| notice.news).collect()
    }

    #[test]
    fn an_episode_is_told_three_times_at_most() {
        let mut digest = Digest::default();
        let mut take = |case: Case, now| {
            let taken = digest.take("o", case, now);
            (taken, goes(&mut digest, now + 300))
        };
        let likely = || case("e", Level::Likely);
        let confirmed = || case("e", Level::Confirmed);
        for level in [Level::Notice, Level::Suspected] {
            assert_eq!(take(case("e", level), 0), (Taken::Nothing, vec![]));
        }
        assert_eq!(take(likely(), 0), (Taken::Waits, vec![News::Convicted]));
        assert_eq!(take(likely(), 9), (Taken::Nothing, vec![]));
        assert_eq!(take(confirmed(), 9), (Taken::Waits, vec![News::Confirmed]));
        assert_eq!(take(confirmed(), 9), (Taken::Nothing, vec![]));
        let ended = Case {
            closed: true,
            ..confirmed()
        };
        assert_eq!(take(ended, 9), (Taken::Nothing, vec![]));
        assert_eq!(take(over("e"), DAY), (Taken::Waits, vec![News::Over]));
        assert_eq!(take(over("e"), DAY), (Taken::Nothing, vec![]));
        assert_eq!(take(confirmed(), DAY), (Taken::Nothing, vec![]));
        // Over, of what it had been told as.
        assert_eq!(digest.told["e"].class, Class::SpamFanout);
    }

    #[test]
    fn what_waits_is_brought_up_to_date_or_taken_back() {
        let mut digest = Digest::default();
        assert_eq!(digest.take("o", case("e", Level::Likely), 0), Taken::Waits);
        let ended = Case {
            closed: true,
            ..case("e", Level::Confirmed)
        };
        assert_eq!(digest.take("o", ended, 1), Taken::Updated);
        let batch = digest.due(RULES, 300, false).unwrap();
        assert_eq!(batch.notices[0].news, News::Convicted);
        assert_eq!(batch.notices[0].case.level, Level::Confirmed);
        assert_eq!(digest.take("o", over("e"), 2), Taken::Withdrawn);
        assert_eq!(digest.due(RULES, 300, false), None);
        assert_eq!(digest.take("o", over("other"), 2), Taken::Nothing);
    }

    #[test]
    fn suppressed_hosts_are_never_told() {
        let mut digest = Digest::default();
        let suppressed = |level| Case {
            suppressed: true,
            ..case("e", level)
        };
        assert_eq!(
            digest.take("o", suppressed(Level::Likely), 0),
            Taken::Nothing
        );
        assert_eq!(digest.take("o", case("e", Level::Likely), 0), Taken::Waits);
        let taken = digest.take("o", suppressed(Level::Confirmed), 0);
        assert_eq!(taken, Taken::Withdrawn);
        assert_eq!(digest.waiting(), 0);
    }

    #[test]
    fn hosts_of_an_owner_share_a_mail_and_a_day_has_so_many() {
        let mut digest = Digest::default();
        for (episode, now) in [("a", 0), ("b", 200), ("c", 299)] {
            digest.take("o", case(episode, Level::Likely), now);
        }
        digest.take("p", case("p", Level::Likely), 299);
        assert_eq!(digest.due(RULES, 299, false), None);
        let batch = digest.due(RULES, 300, false).unwrap();
        assert_eq!((batch.owner.as_str(), batch.notices.len()), ("o", 3));
        // One came while it was sent.
        digest.take("o", case("d", Level::Confirmed), 301);
        digest.told(&batch, 302);
        assert_eq!(digest.waiting(), 2);
        assert_eq!(goes(&mut digest, 601).len(), 1);
        assert_eq!(goes(&mut digest, 601).len(), 1);
        digest.take("o", case("e", Level::Likely), 700);
        assert_eq!(digest.due(RULES, 2_000, false), None);
        assert_eq!((digest.waiting(), digest.held()), (1, 1));
        digest.take("o", case("f", Level::Likely), 2_001);
        let batch = digest.due(RULES, DAY, false).unwrap();
        assert_eq!((batch.notices.len(), batch.held), (2, 1));
        assert!(!batch.last_today);
        digest.told(&batch, DAY);
        digest.take("o", case("g", Level::Likely), DAY);
        assert!(digest.due(RULES, DAY, true).unwrap().last_today);
    }

    #[test]
    fn a_failure_waits_longer_each_time_and_holds_up_nobody_else() {
        let mut digest = Digest::default();
        digest.take("o", case("a", Level::Likely), 0);
        digest.take("p", case("b", Level::Likely), 0);
        let batch = digest.due(RULES, 300, false).unwrap();
        assert_eq!(digest.failed(&batch, 300), 30);
        let other = digest.due(RULES, 300, false).unwrap();
        assert_eq!(other.owner, "p");
        digest.told(&other, 300);
        assert!(digest.failing());
        assert_eq!(digest.due(RULES, 329, false), None);
        assert_eq!(digest.due(RULES, 330, false).as_ref(), Some(&batch));
        assert_eq!(digest.failed(&batch, 330), 60);
        for _ in 0..20 {
            digest.failed(&batch, 0);
        }
        assert_eq!(digest.failed(&batch, 0), LONGEST_RETRY);
        digest.try_again();
        assert_eq!(goes(&mut digest, 300), [News::Convicted]);
        assert!(!digest.failing());
    }

    #[test]
    fn a_clock_that_is_set_back_holds_up_nothing() {
        let mut digest = Digest::default();
        digest.take("o", case("a", Level::Likely), 10 * DAY);
        let batch = digest.due(RULES, 2 * DAY, false).unwrap();
        digest.failed(&batch, 10 * DAY);
        assert_eq!(digest.due(RULES, 2 * DAY, false), None);
        let later = 2 * DAY + LONGEST_RETRY;
        assert!(digest.due(RULES, later, false).is_some());
    }

    #[test]
    fn many_hosts_of_an_owner_leave_room_for_others() {
        let mut digest = Digest::default();
        for number in 0..OF_AN_OWNER {
            digest.take("o", case(&format!("{number}"), Level::Likely), 0);
        }
        let more = digest.take("o", case("more", Level::Likely), 0);
        assert_eq!(more, Taken::Full);
        let other = digest.take("p", case("other", Level::Likely), 0);
        assert_eq!(other, Taken::Waits);
        let batch = digest.due(RULES, 300, false).unwrap();
        assert_eq!((batch.notices.len(), batch.omitted), (OF_AN_OWNER, 1));
        digest.told(&batch, 300);
        digest.take("o", case("next", Level::Likely), 300);
        assert_eq!(digest.due(RULES, 600, false).unwrap().omitted, 0);
    }

    #[test]
    fn nor_do_they_where_the_inventory_gives_them_all_to_one() {
        let mut digest = Digest::default();
        for number in 0..2 * OF_AN_OWNER {
            let owner = format!("o{}", number % 2);
            digest.take(&owner, case(&format!("{number}"), Level::Likely), 0);
        }
        digest.recheck(|_| Some("p".to_owned()));
        let batch = digest.due(RULES, 300, false).unwrap();
        let omitted = u64::try_from(OF_AN_OWNER).unwrap();
        assert_eq!((batch.notices.len(), batch.omitted), (OF_AN_OWNER, omitted));
    }

    #[test]
    fn bounds() {
        let mut digest = Digest::default();
        for number in 0..WAITING {
            let owner = format!("o{}", number / OF_AN_OWNER);
            let taken = digest.take(&owner, case(&format!("{number}"), Level::Likely), 0);
            assert_eq!(taken, Taken::Waits);
        }
        let more = digest.take("o", case("more", Level::Likely), 0);
        assert_eq!(more, Taken::Full);
        for number in 0..=TOLD {
            let told = Told {
                level: Level::Likely,
                class: Class::Hybrid,
                over: false,
                at: i64::try_from(number).unwrap(),
            };
            digest.told.insert(format!("t{number}"), told);
        }
        let batch = digest.due(RULES, DAY, true).unwrap();
        digest.told(&batch, DAY);
        assert!(digest.told.len() <= TOLD);
        assert!(!digest.told.contains_key("t0"));
        assert!(digest.told.contains_key(&format!("t{TOLD}")));
    }
}
