//! `shout!("text")`: the text in capitals, at compile time.

use proc_macro::TokenStream;
use quote::quote;
use syn::{parse_macro_input, LitStr};

#[proc_macro]
pub fn shout(given: TokenStream) -> TokenStream {
    let text = parse_macro_input!(given as LitStr).value().to_uppercase();
    quote!(#text).into()
}
