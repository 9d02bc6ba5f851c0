use super::*;

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn values_are_read_and_written() {
    let text = r#"{"a": [1, -2.5e3, true, null], "b": {"c": "x\n\"\u00e4\ud83d\ude00"}, "d": []}"#;
    let value = parse(text).unwrap();
    assert_eq!(value.get("a").unwrap().kind(), "a list");
    assert_eq!(value.get("b").unwrap().get("c"), Some(&Value::Text("x\n\"ä😀".into())));
    let written = value.to_string();
    assert_eq!(parse(&written).unwrap(), value);
    assert_eq!(written, r#"{"a": [1, -2.5e3, true, null], "b": {"c": "x\n\"ä😀"}, "d": []}"#);
}

#[test]
fn an_error_says_where_it_is() {
    assert_eq!(error("{\n  \"ä\" 1}"), "line 2, column 7: ':' is missing; here stands '1'");
    assert_eq!(error("[1,]"), "line 1, column 4: a value is missing; here stands ']'");
    assert_eq!(error("{\"a\": 1,\n\"a\": 2}"), "line 2, column 1: key \"a\" stands twice");
    assert_eq!(error("[1"), "line 1, column 3: ',' or ']' is missing: the text ends here");
    assert_eq!(error("1 2"), "line 1, column 3: '2' after the end of the value");
    assert_eq!(
        error("\"a\nb\""),
        "line 1, column 3: a text has a control character; write it as \\n, \\t or \\u...."
    );
}

#[test]
fn what_is_no_json_is_no_value() {
    for text in
        ["", "{a: 1}", "'a'", "01", "1.", "+1", "nul", "\"\\x\"", "\"\\ud800\"", "\"a", "[1 2]", "// x\n1"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(error(&"[".repeat(100)).contains("nested deeper"));
}
