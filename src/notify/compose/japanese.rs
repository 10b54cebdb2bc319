//! Japanese.

use super::{Labels, Strength, Words};
use crate::correlate::evidence::Family;
use crate::notify::digest::{News, Notice};
use crate::notify::pick::Number;
use crate::verdict::{Class, Level};

pub(super) const WORDS: Words = Words {
    subject,
    opening,
    closing: "\
お心当たりがある場合（メールサーバである、メールマガジンを配信している、
試験に使っているなど）は、このメールにそのままご返信ください。登録いたします。

お困りの場合や、この機器の管理者でない場合も、お手数ですがご返信ください。

このメールは mxray が自動で作成しました。mxray は、ネットワーク内の機器による
名前の問い合わせ（DNS）とメール送信（SMTP）の様子を見ています。判定が
誤っていることもあります。感染した機器の管理者や利用者は多くの場合、最初の
被害者であり、責任を問うためのお知らせではありません。
",
    held: |number| {
        format!(
            "\n1 日にお送りするメールの数に上限があるため、このうち {number} 件は\n\
             本日までお知らせを見合わせていたものです。\n"
        )
    },
    last_today: "\n\
1 日にお送りするメールの数に上限があり、本日はこれが最後のお知らせです。
この後に見つかったものは、明日まとめてお知らせします。
",
    rest: "ほかの機器（概要のみ）:",
    news,
    level,
    seen,
    steps,
    over: "  \
  以前お知らせした機器です。このメールについて、新たにしていただくことは
  ありません。まだ機器を確認していない場合は、電源が切れているだけのことも
  ありますので、引き続きご確認をお願いします。

",
    family,
    strength: |of| match of {
        Strength::Weak => "弱い",
        Strength::Medium => "中程度",
        Strength::Strong => "強い",
    },
    number,
    labels: Labels {
        host: "対象機器の IP アドレス:",
        seen: "観測された内容",
        steps: "していただきたいこと",
        evidence: "判定の根拠",
        counted: "これまでの観測数",
        signs: "兆候と、その強さ",
        first_seen: "最初の兆候",
        judged: "最新の判定",
        level: "確からしさ",
        class: "動作の分類",
        mac: "MAC アドレス（または経路のルータ）",
        vlan: "VLAN",
        sensor: "詳しい方へ: センサーの記録（英語）、センサー名 / event.id",
    },
};

fn subject(first: &Notice, hosts: usize) -> String {
    let host = first.case.host;
    let what = match (first.news, first.case.class) {
        (News::Over, _) => format!("{host} の兆候は見られなくなりました"),
        (_, Class::PtrFlood | Class::AFlood) => {
            format!("ご確認のお願い: DNS サーバ {host} への問い合わせの急増")
        }
        (_, Class::HijackedServer | Class::HijackedRelay | Class::SubmissionAbuse) => {
            format!("ご確認のお願い: {host} が迷惑メール送信に悪用されている疑い")
        }
        (_, Class::Op25bViolation) => {
            format!("ご確認のお願い: {host} から外部へのメールの直接送信")
        }
        _ => format!("ご確認のお願い: {host} が迷惑メールやワームを送信している疑い"),
    };
    match hosts {
        0 | 1 => what,
        more => format!("{what}（ほか {} 台）", more - 1),
    }
}

fn opening(new: usize, over: usize) -> String {
    let found = match new {
        0 => String::new(),
        _ => format!(
            "お世話になっております。ネットワークの監視センサーが、管理者として登録されて\n\
             いる機器 {new} 台について、迷惑メールやワームを送信している兆候を見つけました。\n\
             利用者の気付かないうちに送信されていることがほとんどです。お手数ですが、\n\
             できるだけ早く（できれば本日中に）下記のとおりご確認をお願いします。\n"
        ),
    };
    let ended = match over {
        0 => String::new(),
        _ if new == 0 => format!(
            "お世話になっております。以前お知らせした機器 {over} 台について、迷惑メールや\n\
             ワームを送信している兆候は見られなくなりました。\n"
        ),
        _ => format!("以前お知らせした機器のうち {over} 台の兆候は見られなくなりました。\n"),
    };
    format!("ご担当者様\n\n{found}{ended}")
}

fn news(news: News, level: Level) -> &'static str {
    match (news, level) {
        (News::Convicted, Level::Confirmed) => "【新規】確実と判定しました",
        (News::Convicted, _) => "【新規】可能性が非常に高いと判定しました",
        (News::Confirmed, _) => "【続報】以前お知らせした機器です。確実と判定しました",
        (News::Over, _) => "【終息】兆候は見られなくなりました",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "兆候なし",
        Level::Notice | Level::Suspected => "疑いあり",
        Level::Likely => "可能性が非常に高い",
        Level::Confirmed => "確実",
    }
}

fn seen(class: Class) -> &'static str {
    match class {
        Class::Gen1Relay => {
            "  \
  この機器は、1 台のメールサーバに大量のメールを渡しています。渡し方は人に
  よるものではなく、ワームや迷惑メール送信プログラムのものです。
"
        }
        Class::Gen2Mx => {
            "  \
  この機器は、非常に多くのドメインのメールサーバを DNS に問い合わせています。
  普通の PC はこれをメールサーバに任せます。自分でメールを送るワームに見られる
  動きです。
"
        }
        Class::Gen3A => {
            "  \
  この機器は、非常に多くのドメインで、メールサーバの名前（mx、mail、smtp
  など）を次々に推測して問い合わせています。自分でメールを送るワームに
  見られる動きです。
"
        }
        Class::Hybrid => {
            "  \
  この機器は、非常に多くのドメインのメールサーバを問い合わせ、またその名前を
  推測しています。普通の PC はこれをメールサーバに任せます。自分でメールを送る
  ワームに見られる動きです。
"
        }
        Class::SpamFanout => {
            "  \
  この機器は、インターネット上の多数のメールサーバに直接接続しています。迷惑
  メール送信プログラムに見られる動きです。普通の PC は決まった 1、2 台のサーバ
  からメールを送ります。
"
        }
        Class::SubmissionAbuse => {
            "  \
  この機器は、多数のメール事業者のサーバに送信用の接続をしています。人が使う
  アカウントは普通 1、2 個です。盗まれたパスワードを使う迷惑メール送信
  プログラムに見られる動きです。
"
        }
        Class::HijackedRelay => {
            "  \
  この機器は、メールサーバとして登録されていないのに、外部からメールを
  受け取り、自らもメールを送っています。迷惑メールの送信者が踏み台に使う機器に
  見られる動きです。
"
        }
        Class::HijackedServer => {
            "  \
  このメールサーバの送信の様子が急に変わり、迷惑メールの送信に似たものになり
  ました。多くの場合、いずれかのアカウントのパスワードが知られています。
"
        }
        Class::Op25bViolation => {
            "  \
  この機器は、外部のメールサーバ（ポート 25）に直接接続しています。このネット
  ワークでは、メールサーバだけに認められている接続です。
"
        }
        Class::PtrFlood | Class::AFlood => {
            "  \
  この DNS サーバへの問い合わせが普段より大幅に増え、問い合わせる機器や名前も
  普段と異なっています。上の IP アドレスは問い合わせを受けているサーバの
  もので、サーバ自身の感染を示すものではありません。
"
        }
        Class::Ordinary => "  特別な動きは見られなくなりました。\n",
    }
}

fn steps(class: Class) -> &'static [&'static str] {
    match class {
        Class::SubmissionAbuse => &[
            "機器をネットワークから切り離してください（LAN ケーブルと無線の両方）。\n調査を希望する場合は、電源は切らないでください。",
            "別の機器から、この機器で使ったメールアカウントのパスワードをすべて変更し、\nログイン中のセッションを終了してください。",
            "ウイルス検査をしてください（感染していない媒体から起動しての検査が\n確実です）。何か見つかった場合や判断に迷う場合は、再インストールを\nお勧めします。",
            "業務で複数のアカウントから送信している場合（受付システム、監視など）は、\nその旨をご返信ください。登録します。",
        ],
        Class::HijackedRelay => &[
            "メールサーバとしてお使いの場合は、その旨をご返信ください。登録します。\nあわせて、第三者のメールを中継しない設定であることをご確認ください。",
            "そうでない場合は、機器をネットワークから切り離し、ポート 25 で待ち受けて\nいるプログラムと、それが入った経緯をお調べください。",
            "ウイルス検査をしてください。侵入されていた場合は再インストールし、この\n機器で使ったパスワードをすべて変更してください。",
        ],
        Class::HijackedServer => &[
            "送信待ちのメール（キュー）とログから、大量のメールの出どころ（アカウント、\nスクリプト、Web フォーム）をお調べください。その間は送信を止めてください。",
            "該当するアカウントのパスワードを変更してセッションを終了するか、該当する\nスクリプトやフォームを止めてください。覚えのない転送設定もご確認ください。",
            "第三者のメールを中継しない設定であること、ソフトウェアが最新であることを\nご確認ください。",
            "キューに残った迷惑メールを削除してください。しばらくは通常のメールも拒否\nされることがあるため、ブラックリストへの掲載もご確認ください。",
            "自ら行った配信（メールマガジン、新しいメーリングリストなど）である場合は、\nその旨をご返信ください。",
        ],
        Class::Op25bViolation => &[
            "メールソフトを、組織内のメールサーバから送る設定（ポート 587、認証あり）に\n変更してください。",
            "この機器からメールを送る人がいない場合は、ウイルス検査をしてください。",
            "メールサーバである場合は、その旨をご返信ください。登録します。",
        ],
        Class::PtrFlood | Class::AFlood => &[
            "サーバのログで、どの機器がどのような名前を問い合わせているかをお調べ\nください。",
            "組織内の機器からの場合、感染や設定の誤りが考えられます。その IP アドレスを\nお知らせください。",
            "外部からの場合は、応答の数を制限し（RRL など）、誰にでも答える設定\n（オープンリゾルバ）でないことをご確認ください。",
        ],
        _ => &[
            "機器をネットワークから切り離してください（LAN ケーブルと無線の両方）。\n調査を希望する場合は、電源は切らないでください。",
            "最新のウイルス対策ソフトで、ワームなどに感染していないか検査してください\n（感染していない媒体から起動しての検査が確実です）。何か見つかった場合や\n判断に迷う場合は、再インストールをお勧めします。",
            "別の機器から、この機器で使ったパスワードを変更してください。",
            "感染がなくなり、更新も済んだら、ネットワークに戻してご返信ください。",
            "メールサーバである場合や、業務で多数のメールを扱っている場合は、その旨を\nご返信ください。登録し、それに合わせて判定します。",
        ],
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Mx => "次々に新しいドメインの MX を問い合わせ",
        Family::Kwa => "次々に新しいドメインのメールサーバを推測",
        Family::Fan => "次々に新しいメールサーバに接続",
        Family::Submit => "次々に新しい事業者の送信サーバに接続",
        Family::Relay => "1 台のサーバから多数の宛先に送信",
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
        Family::Proto => "通信の作法がメールソフトと異なる",
        Family::Mail => "メールを送り渡している",
        Family::Back => "受信側が送信元の名前を確認している",
        Family::Irc => "外部のチャット（IRC）に接続",
        Family::Client => "人が使う機器の動きもある",
        Family::Rate => "普段より大幅に多い問い合わせ",
        Family::Entropy => "問い合わせ元や名前が普段と異なる",
    }
}

fn number(number: Number) -> &'static str {
    match number {
        Number::Connections => "メールの接続",
        Number::Servers => "接続先のメールサーバ（異なるもの）",
        Number::Failed => "拒否された、または応答のない接続",
        Number::Messages => "送り渡したメール",
        Number::Recipients => "指定した宛先",
        Number::Refusals => "メールサーバによる拒否",
        Number::MxDomains => "MX を問い合わせたドメイン",
        Number::MailHosts => "mx、mail、smtp などの名前の問い合わせ",
        Number::Queries => "DNS の問い合わせ（全種類）",
    }
}
