#[test]
fn what_is_packed_is_smaller() {
    let said = server::said(&"a".repeat(1000)).unwrap();
    assert!(said.packed < 100);
    assert_eq!(said.greeting, "HELLO");
}
