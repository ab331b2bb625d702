use super::*;

fn handlers(selector: Option<&str>) -> Handlers {
    Handlers {
        selector: selector.map(|text| Rc::new(text.parse().unwrap())),
        element: selector.is_some(),
        comments: false,
        text: false,
        doctype: false,
        end: selector.is_none(),
    }
}

fn rewriter(handlers: Vec<Handlers>, live: &Live) -> Rewriter {
    let reading = Reading { encoding: AsciiCompatibleEncoding::utf_8(), esi_tags: false };
    Rewriter::new(handlers, reading, None, live, 128 << 20).unwrap()
}

fn write(rewriter: &mut Rewriter, text: &str) -> Result<Event, String> {
    rewriter.advance(Command::Write(text.into()))
}

#[test]
fn a_handler_changes_its_token_while_the_parser_waits() {
    let live = Live::default();
    let mut it = rewriter(vec![handlers(Some("p")), handlers(None)], &live);
    assert_eq!(write(&mut it, "<b>x</b><p a=1>"), Ok(Event::Element(0)));
    assert_eq!(it.call(Call::GetAttribute("a".into())), Ok(Value::Text(Some("1".into()))));
    let set = Call::SetAttribute("a".into(), "2".into());
    assert_eq!(it.call(set), Ok(Value::Nothing));
    assert_eq!(it.advance(Command::Continue), Ok(Event::Input));
    assert_eq!(it.advance(Command::End), Ok(Event::DocumentEnd(1)));
    assert_eq!(it.advance(Command::Continue), Ok(Event::Done));
    assert_eq!(it.take_output(), b"<b>x</b><p a=\"2\">");
    assert!(it.advance(Command::End).is_err());
}

#[test]
fn streamed_content_is_asked_for_where_it_belongs() {
    let live = Live::default();
    let mut it = rewriter(vec![handlers(Some("p"))], &live);
    assert_eq!(write(&mut it, "<p>x</p>y"), Ok(Event::Element(0)));
    it.call(Call::InsertStream(Place::Append, 7, ContentType::Text)).unwrap();
    assert_eq!(it.advance(Command::Continue), Ok(Event::Content(7)));
    assert_eq!(it.take_output(), b"<p>x");
    assert_eq!(it.advance(Command::Content(b"<\xc3".to_vec())), Ok(Event::Content(7)));
    assert_eq!(it.advance(Command::Content(b"\xa9".to_vec())), Ok(Event::Content(7)));
    assert_eq!(it.advance(Command::ContentEnd), Ok(Event::Input));
    assert_eq!(it.take_output(), "&lt;\u{e9}</p>y".as_bytes());
}

#[test]
fn a_parser_may_be_dropped_anywhere() {
    let live = Live::default();
    let mut it = rewriter(vec![handlers(Some("p"))], &live);
    assert_eq!(live.0.get(), 1);
    assert_eq!(write(&mut it, "<p>"), Ok(Event::Element(0)));
    drop(it);
    assert_eq!(live.0.get(), 0);
    drop(rewriter(Vec::new(), &live));
    assert_eq!(live.0.get(), 0);
}

#[test]
fn an_endless_tag_comes_to_the_limit() {
    let live = Live::default();
    let mut it = rewriter(vec![handlers(Some("p"))], &live);
    it.advance(Command::Write(b"<p a='".to_vec())).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    let error = (0..64).find_map(|_| it.advance(Command::Write(chunk.clone())).err());
    assert_eq!(error.as_deref(), Some("The memory limit has been exceeded."));
    assert!(it.silent <= MAX_PARSER_BYTES);
}

#[test]
fn many_parsers_share_the_memory() {
    let live = Live::default();
    assert_eq!(live.share(128 << 20), MAX_PARSER_BYTES);
    live.0.set(15);
    assert_eq!(live.share(128 << 20), 4 << 20);
    live.0.set(10_000);
    assert_eq!(live.share(128 << 20), MIN_PARSER_BYTES);
}
