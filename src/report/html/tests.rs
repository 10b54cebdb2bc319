use super::*;

#[test]
fn nothing_in_json_can_be_markup() {
    let hostile = "</script><img onerror=alert(1)>\u{2028}&<!--";
    let text = embedded(&json!({ hostile: hostile }));
    assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
    let back: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back[hostile], hostile);
}

#[test]
fn the_policy_names_what_runs() {
    let policy = policy("p{}");
    let hash = BASE64_STANDARD.encode(Sha256::digest("p{}"));
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}'")),
        "{policy}"
    );
    assert!(policy.starts_with("default-src 'none'"));
}
