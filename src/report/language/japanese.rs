//! Japanese.

mod advice;
mod counters;
mod terms;

use super::{Columns, PageWords, PlotWords, Words};
use crate::correlate::evidence::Family;
use crate::report::plot::Kind;
use crate::verdict::{Class, Level, Role};

pub(super) const WORDS: Words = Words {
    tag: "ja",
    title,
    reading,
    level,
    class,
    term: terms::term,
    seen: advice::seen,
    first: advice::first,
    counter: counters::counter,
    steps: advice::steps,
    role,
    family,
    plot: PlotWords {
        time: |days| format!("時刻（UTC）、{days}"),
        rate: |width| match width {
            1 => "1 秒あたりの数".to_owned(),
            width => format!("1 秒あたりの数（{}ごとの最大値）", stretch(width)),
        },
        total: "全問い合わせ",
        smtp: "メール接続",
        all_a: "1 秒あたりの A 問い合わせ（T）",
        keyword_a: "1 秒あたりのキーワード A 問い合わせ（K）",
        slope: "傾き",
        seconds: "秒数",
        grid: |grid| format!("{grid} の倍数に丸めて表示"),
        characters: |length, bound| format!("{length} 文字{}", if bound { "（≥）" } else { "" }),
        queries: "問い合わせ数",
        score: "スコア（対数オッズ）",
        attempts: "メール接続",
        established: "応答あり",
        refused: "拒否",
        unanswered: "応答なし",
        unseen: "応答は観測範囲外",
        accepted: "受理された通数",
        rejected: "メールの拒否",
        server: "サーバ",
        others: |number| format!("その他のサーバへの接続 {number} 件"),
        columns: Columns {
            begin: "開始",
            seconds: "秒数",
            level: "レベル",
            label: "ラベル",
            length: "文字数",
            prefix: "接頭辞",
            count: "問い合わせ数",
            sum: "合計",
            peak: "最大",
            port: "ポート",
        },
    },
    page: PageWords {
        title: "mxray レポート",
        span: |first, last| format!("{first} から {last} までのパケット。時刻はすべて UTC です。"),
        summary: |hosts, [convicted, suspected, noticed]| {
            format!(
                "ホスト {hosts} 台のうち、判定済み {convicted} 台、疑い {suspected} 台、注意 {noticed} 台。"
            )
        },
        summary_heading: "概要",
        no_packets: "パケットはありませんでした。",
        since: |since| format!("最初の兆候は {since}。"),
        probability: |percent| {
            format!("感染の確率は {percent}%（千台に 1 台が感染しているとして）。")
        },
        first: "まず行うこと:",
        suspected: "確認が必要なホスト:",
        one_way: "通信の片方向だけが観測されました。",
        suppressed: "台帳の指定により通知はしません。",
        acquitted: "その後、業務によるものとわかりました。",
        nothing_found: "感染と判定したホストはありません。観測できた範囲での結果です（キャプチャの品質を参照）。",
        gaps: |times| format!("観測に欠けた部分があります（{times} 件）:"),
        hosts: "ホスト一覧",
        hosts_about: "全ホストとその問い合わせ数です（論文の表 1 に相当）。レベルとスコアは終了時のもの、最大レベルは全期間で\
                      最も高いものです。レベルでの絞り込みは最大レベルによります。",
        findings_omitted: |number| {
            format!("重要度の低いホストについての判定 {number} 件を省略しました。")
        },
        hosts_omitted: |number| format!("スコアとパケット数の少ない {number} 台を省略しました。"),
        search: "アドレス、分類、役割で検索",
        class: "分類",
        level: "レベル",
        all: "すべて",
        shown: "台を表示",
        more: "さらに表示",
        all_columns: "すべての列",
        printed: "台を印刷しました（表示中のもの、詳細のあるもの、レベルが「疑い」以上のもの）。全ホストはこのページと --csv にあります。",
        noscript: "一覧表と図の数値の表示には JavaScript が必要です。そのほかは不要です。",
        columns: [
            "ホスト",
            "分類",
            "レベル",
            "最大レベル",
            "スコア",
            "事後確率",
            "役割",
            "問合せ",
            "MX",
            "A",
            "PTR",
            "R²",
            "メール 接続数",
            "メール サーバ数",
            "最初の観測",
        ],
        pages: "ホストごとの詳細",
        pages_about: "判定の重いホストと、指定されたホストです。ほかのホストを見るには:",
        pages_omitted: |number| format!("ほかに {number} 台を省略しました。"),
        once: "パイプからの入力のため 1 回だけ読みました。図は感染と判定したホストだけのもので、最初に注意の対象になった\
               時点からのものです。",
        changed: "詳細のために 2 回目に読んだとき、キャプチャの内容が変わっていました。詳細の図と数値は、一覧表やサイト全体のものと\
                  異なることがあります。",
        did: "対応",
        check: "確認に使うパケットは証拠の欄にあります。",
        role: "役割",
        basis: "根拠",
        verdicts: "判定の経過",
        verdicts_omitted: |number| format!("途中の {number} 件を省略しました。"),
        evidence: "証拠",
        counter: "反証",
        none: "なし。",
        packets: "パケット（Wireshark のフレーム番号）",
        wireshark: "Wireshark の表示フィルタ",
        copy: "コピー",
        numbers: "数値",
        download: "CSV をダウンロード",
        time: "時刻",
        state: "状態",
        weight: "重み（対数オッズ）",
        sentence: "観測内容",
        score: "スコア",
        posterior: "事後確率",
        visibility: "観測範囲",
        sights: [
            "DNS",
            "DNS の応答",
            "SMTP",
            "SMTP の応答",
            "TLS のみ",
            "隠れた DNS",
            "位置",
            "観測点",
        ],
        capture: "キャプチャ",
        captured: ["損失", "途中で切れたパケット", "片方向のみ"],
        partial: [
            "判定のあるホストのうち片方向のみ観測されたもの",
            "判定のあるホストのうちパケットが途中で切れたもの",
        ],
        site: "サイト全体",
        totals: "一覧にある全ホストの問い合わせ数",
        roles: "メールサーバなど PC 以外のホスト",
        op25b: "外部ポート 25 への接続（OP25B）",
        op25b_unknown: "内部の範囲が指定されていないため監査していません:",
        op25b_cut: "このほかにもネットワークまたはホストがあります。",
        op25b_hosts: "この分類のホスト:",
        floods: "DNS サーバへの大量問い合わせ",
        floods_column: "集中",
        floods_omitted: |number| format!("ほかに {number} 件を省略しました。"),
        related: "主な問い合わせ元、または問い合わせの対象",
        resolvers: "リゾルバ",
        resolvers_about: "ほかのホストの問い合わせに答えるホストと、大量の問い合わせを受けた DNS サーバです。数値は、これらが自ら送った\
                          問い合わせとその応答の数です。受けた問い合わせについては、集中があったときだけ示します。",
        quality: "キャプチャの品質",
        missed: "観測できなかったもの",
        files: "ファイル",
        prefix: "ネットワーク",
        leaking: "ホスト数",
        blocked: "遮断",
        leaked: "通過",
        leak_ratio: "通過率",
        allowed: "メールサーバから",
        flows: [
            "外部からの詐称",
            "POP before SMTP",
            "587 認証あり",
            "587 TLS",
            "587 認証なし",
        ],
        cause: "原因",
        host: "ホスト",
        replies: "応答",
        names: "名前の種類",
        domains: "ドメインの種類",
        number: "数",
        meaning: "意味",
        made: |version| {
            format!(
                "mxray {version} が作成しました。ホストとサイトの数値はイベントの数値と同じです。"
            )
        },
        back: "ホスト一覧に戻る",
    },
};

fn stretch(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} 秒"),
        60..3_600 => format!("{} 分", seconds / 60),
        _ => format!("{} 時間", seconds / 3_600),
    }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Rates => "種類別の問い合わせ数（毎秒）",
        Kind::Correlation => "キーワード A 問い合わせと全 A 問い合わせの相関",
        Kind::Prefixes => "名前の先頭文字列（頻度順）",
        Kind::Labels => "メール用キーワード（頻度順）",
        Kind::Score => "スコアと証拠の推移",
        Kind::Peers => "接続先メールサーバと結果",
    }
}

fn reading(kind: Kind) -> &'static str {
    match kind {
        Kind::Rates => {
            "PC は A と AAAA をまとめて問い合わせます。メールサーバは MX と PTR も一日中問い合わせます。ワームは MX または A を問い合わせ、PTR は問い合わせません。"
        }
        Kind::Correlation => {
            "点は、その数の問い合わせがあった秒です。R² が 1 に近く傾きが大きければ、1 つのプログラムがすべてを発しています。"
        }
        Kind::Prefixes => {
            "人が使う PC では、mx、mail、smtp などで始まる名前が上位に並ぶことはありません。"
        }
        Kind::Labels => "先頭ラベルがメール用キーワード（数字付きを含む）であるもの。",
        Kind::Score => {
            "線より上はそのレベルに達したことを示します。証拠の各種類は上限までの高さで描いています。"
        }
        Kind::Peers => {
            "人が使うサーバは 1、2 台です。多数のサーバ、少ない応答、拒否されたメールはボットの特徴です。"
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "なし",
        Level::Notice => "注意",
        Level::Suspected => "疑い",
        Level::Likely => "ほぼ確実",
        Level::Confirmed => "確実",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Gen1Relay => "組織のサーバ経由で送るワーム（gen1-relay）",
        Class::Gen2Mx => "MX を問い合わせる大量送信（gen2-mx）",
        Class::Gen3A => "メールサーバ名を推測する大量送信（gen3-a）",
        Class::Hybrid => "問い合わせと推測の両方（hybrid）",
        Class::SpamFanout => "多数のサーバへの直接送信（spam-fanout）",
        Class::SubmissionAbuse => "盗まれたアカウントによる送信（submission-abuse）",
        Class::HijackedRelay => "迷惑メールを中継する PC（hijacked-relay）",
        Class::HijackedServer => "悪用されたメールサーバ（hijacked-server）",
        Class::Op25bViolation => "外部ポート 25 への接続（op25b-violation）",
        Class::PtrFlood => "PTR 問い合わせの大量送信を受けた DNS サーバ（ptr-flood）",
        Class::AFlood => "A 問い合わせの大量送信を受けた DNS サーバ（a-flood）",
        Class::Ordinary => "大量送信の兆候なし（ordinary）",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Pc => "PC",
        Role::MailServer => "メールサーバ",
        Role::UnregisteredMta => "未登録のメールサーバ",
        Role::Resolver => "リゾルバ",
        Role::Aggregate => "複数の機器が共用するアドレス",
        Role::Monitor => "監視",
        Role::MxProber => "メールサーバの調査",
        Role::Gateway => "メールゲートウェイ",
        Role::External => "外部",
    }
}

/// A family of evidence.
pub(crate) fn family(family: Family) -> &'static str {
    match family {
        Family::Mx => "次々に新しいドメインの MX を問い合わせ",
        Family::Kwa => "次々に新しいドメインのメールサーバを推測",
        Family::Fan => "次々に新しいメールサーバに接続",
        Family::Submit => "次々に新しい事業者の送信サーバに接続",
        Family::Relay => "1 台のサーバ経由で多数の宛先に送信",
        Family::Jump => "これまでより大幅に多い送信",
        Family::Inbound => "外部からのメールを受信",
        Family::NoServerLookups => "メールサーバなら行う問い合わせがない",
        Family::Again => "同じ問い合わせを何度も繰り返す",
        Family::KeywordShare => "問い合わせの多くがメールサーバの名前",
        Family::LabelSweep => "mx、mail、smtp などの名前を順に試す",
        Family::FailingAnswers => "存在しない名前への問い合わせが多い",
        Family::R2 => "メールサーバの問い合わせが全体と連動",
        Family::Follow => "メールサーバを調べた直後に接続",
        Family::Fail => "失敗する接続が多い",
        Family::Rej => "多くのサーバがメールを拒否",
        Family::RejJump => "拒否するサーバが以前より増加",
        Family::DeadJump => "存在しないメールドメインが以前より増加",
        Family::Proto => "通信の作法がメールソフトと異なる",
        Family::Mail => "メールを送り渡している",
        Family::Back => "受信側が送信元の名前を確認している",
        Family::Irc => "外部のチャット（IRC）に接続",
        Family::Client => "人が使う機器の動きもある",
        Family::Rate => "普段より大幅に多い問い合わせ",
        Family::Entropy => "問い合わせ元や名前が普段と異なる",
    }
}
