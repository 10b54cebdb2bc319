//! What the counters of the totals count, as in English.

pub(super) fn counter(name: &str) -> &'static str {
    match name {
        "packets.seen" => "全パケット",
        "packets.decoded" => "完全に解析したもの",
        "packets.ignored" => "正常だが対象外のもの",
        "packets.filtered" => "フィルタまたは期間の指定で除いたもの",
        "packets.fragments_unfinished" => "完成しなかったフラグメント",
        "packets.shed" => "処理が間に合わず捨てたもの",
        "truncated" => "スナップ長で切れたもの",
        "late" => "2 秒を超えて遅れたもの（合計に含み、秒ごとの図には含まない）",
        "duplicates" => "ミラーポートから二重に届いたメッセージ",
        "reassembled" => "フラグメントから組み立てたデータグラム",
        "observations_omitted" => "一度に多すぎたため判定に使わなかった観測",
        "tcp.midstream" => "途中から観測した接続",
        "tcp.retransmitted" => "新しい内容のないセグメント",
        "tcp.reordered" => "順序より早く届いたセグメント",
        "tcp.holes" => "接続の中の欠落箇所",
        "tcp.octets_lost" => "欠落したオクテット",
        "tcp.evicted" => "表があふれて忘れた接続",
        "hosts.tracked" => "終了時に表にあるホスト",
        "hosts.evicted" => "表があふれて忘れたホスト",
        "files" => "キャプチャファイル",
        "kernel.received" => "カーネルが数えたパケット",
        "kernel.dropped" => "バッファ不足で失われたもの",
        "kernel.if_dropped" => "インタフェースで失われたもの",
        name if name.starts_with("packets.unsupported.") => "この理由で解析しなかったもの",
        name if name.starts_with("packets.malformed.") => "このように壊れていたもの",
        _ => "",
    }
}
