use super::*;

fn parsed(text: &str) -> Vec<(String, String)> {
    parse(text)
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn files_read_as_npms_dotenv_reads_them() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("A=1\nB = two words \n", &[("A", "1"), ("B", "two words")]),
        ("export A=1\n  export\tB=2", &[("A", "1"), ("B", "2")]),
        ("A=\nB=2", &[("A", ""), ("B", "2")]),
        ("# note\n\nA=1 # one\nB=#none", &[("A", "1"), ("B", "")]),
        ("A='a # b'\nB=\"c # d\" # e\nC=`f`", &[("A", "a # b"), ("B", "c # d"), ("C", "f")]),
        ("A=\"x\\ny\"\nB='x\\ny'", &[("A", "x\ny"), ("B", "x\\ny")]),
        ("A=\"one\ntwo\"\nB=3", &[("A", "one\ntwo"), ("B", "3")]),
        ("A='one\n\ntwo'", &[("A", "one\n\ntwo")]),
        ("A=\"say \\\"hi\\\"\"", &[("A", "say \\\"hi\\\"")]),
        ("A=\"open\nB=2", &[("A", "\"open"), ("B", "2")]),
        ("A=\"x\" y", &[("A", "\"x\" y")]),
        ("A: 1\nB:2", &[("A", "1")]),
        ("a.b-c=1", &[("a.b-c", "1")]),
        ("A=1\r\nB=2\rC=3", &[("A", "1"), ("B", "2"), ("C", "3")]),
        ("nonsense\nA=1\n=2\n{}", &[("A", "1")]),
        ("A=1\nA=2", &[("A", "2")]),
        ("A={\"k\": \"v\"}", &[("A", "{\"k\": \"v\"}")]),
        ("A=a=b", &[("A", "a=b")]),
        ("\u{feff}A=1", &[("A", "1")]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(parsed(text), pairs(expected), "{text:?}");
    }
}

#[test]
fn variables_are_put_into_later_ones() {
    let cases = [
        ("$A", "one"),
        ("${A}", "one"),
        ("x${A}y$A", "xoneyone"),
        ("$NONE", ""),
        ("${NONE:-other}", "other"),
        ("${NONE-other}", "other"),
        ("${A:-other}", "one"),
        ("${A:+other}", "other"),
        ("${NONE+other}", ""),
        ("${NONE:-${A}!}", "one!"),
        ("\\$A", "$A"),
        ("$", "$"),
        ("$5", "$5"),
        ("${", "${"),
        ("${}", "${}"),
        ("$LATER", ""),
        ("$OUTSIDE", "out"),
    ];
    for (text, expected) in cases {
        let mut vars = pairs(&[("A", "one"), ("B", text), ("LATER", "late")]);
        expand(&mut vars, &pairs(&[("OUTSIDE", "out")]));
        assert_eq!(vars[1].1, expected, "{text}");
    }
}

#[test]
fn the_environment_wins_over_a_file_where_it_is_asked() {
    let mut vars = pairs(&[("A", "file"), ("B", "$A"), ("C", "file")]);
    expand(&mut vars, &pairs(&[("A", "environment"), ("C", "")]));
    assert_eq!(vars, pairs(&[("A", "environment"), ("B", "environment"), ("C", "file")]));
}

#[test]
fn variables_that_grow_without_end_do_not() {
    let mut vars = pairs(&[("A0", "0123456789")]);
    for index in 1..40 {
        let value = format!("$A{0}$A{0}$A{0}$A{0}", index - 1);
        vars.push((format!("A{index}"), value));
    }
    expand(&mut vars, &[]);
    assert!(vars.iter().all(|(_, value)| value.len() < 5 * MAX_EXPANDED_BYTES));
    let mut vars = pairs(&[("A", "$B"), ("B", "$A")]);
    expand(&mut vars, &pairs(&[("X", "$X")]));
    assert_eq!(vars[0].1, "");
}
