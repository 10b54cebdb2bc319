//! The fixed words of events: values of `class`, `role`, `state` and their like. A report shows the
//! event's word beside these.

pub(super) fn term(word: &'static str) -> &'static str {
    match word {
        "gen1-relay" => "サーバ経由のワーム",
        "gen2-mx" => "MX 検索型",
        "gen3-a" => "ホスト名推測型",
        "hybrid" => "複合型",
        "spam-fanout" => "直接送信",
        "submission-abuse" => "アカウント悪用",
        "hijacked-relay" => "中継する PC",
        "hijacked-server" => "サーバの悪用",
        "op25b-violation" => "OP25B 違反",
        "ptr-flood" => "PTR の集中",
        "a-flood" => "A の集中",
        "ordinary" => "通常",

        "pc" => "PC",
        "mail-server" => "メールサーバ",
        "unregistered-mta" => "未登録のメールサーバ",
        "resolver" => "リゾルバ",
        "aggregate" => "共用アドレス",
        "monitor" => "監視",
        "mx-prober" => "メールサーバの調査",
        "gateway" => "メールゲートウェイ",
        "external" | "outside" => "外部",
        "inside" => "内部",
        "unknown" => "不明",

        "inventory" => "台帳",
        "learned" => "学習",
        "default" => "既定",

        "new" => "新規",
        "updated" => "更新",
        "closed" => "終了",

        "access" => "端末とリゾルバの間",
        "resolver-egress" => "リゾルバの外側",

        "sensor-blind" => "観測不能",
        "sensor-recovered" => "回復",
        "no-packets" => "パケットなし",
        "one-direction" => "片方向のみ",
        "no-dns" => "DNS なし",
        "no-smtp" => "SMTP なし",
        "halving" => "半減",
        "losses" => "損失",

        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::State;
    use crate::correlate::site::{Missing, Vantage};
    use crate::verdict::{Class, Role};

    #[test]
    fn no_word_of_an_event_is_left_out() {
        let classes = Class::ALL.map(Class::name);
        let roles = Role::ALL.map(Role::name);
        let states = [State::New, State::Updated, State::Closed].map(State::name);
        let missing = [
            Missing::NoPackets,
            Missing::OneDirection,
            Missing::NoDns,
            Missing::NoSmtp,
            Missing::Halving,
            Missing::Losses,
        ];
        let missing = missing.map(Missing::name);
        let vantages = [Vantage::Access, Vantage::ResolverEgress].map(Vantage::name);
        let all = [&classes[..], &roles, &states, &missing, &vantages];
        for word in all.concat() {
            assert!(word == "pc" || term(word) != word, "{word}");
        }
        assert_eq!(term("something-new"), "something-new");
    }
}
