//! Frames `["rid","key",payload]` and `["rid",null,payload]`. Their sender is known, so they are
//! split at fixed places and never parsed.

use crate::Result;

/// As long as the ids of real clients; its end is the number of the request.
const RID: &str = "00000000-0000-4000-8000-000000000000";
const KEY: &str = "bench";
const RID_AT: usize = 2;
const RID_END: usize = RID_AT + RID.len();

pub fn request(slot: usize, payload: &str) -> String {
    let mut text = String::with_capacity(RID_END + KEY.len() + payload.len() + 8);
    text.push_str("[\"");
    text.push_str(&RID[..24]);
    let mut digits = [b'0'; 12];
    let mut rest = slot;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.extend(digits.iter().map(|&digit| digit as char));
    text.push_str("\",\"");
    text.push_str(KEY);
    text.push_str("\",");
    text.push_str(payload);
    text.push(']');
    text
}

/// The reply to a request, with the same payload.
pub fn reply(request: &str) -> Result<String> {
    let rid = request.get(1..RID_END + 1).ok_or("a short request")?;
    let payload = request.get(RID_END + 3 + KEY.len() + 2..).ok_or("a short request")?;
    let mut text = String::with_capacity(request.len());
    text.push('[');
    text.push_str(rid);
    text.push_str(",null,");
    text.push_str(payload);
    Ok(text)
}

/// The number of the request that this replies to, and the payload.
pub fn read_reply(reply: &str) -> Result<(usize, &str)> {
    let slot = reply.get(RID_END - 12..RID_END).ok_or("a short reply")?.parse()?;
    let payload = reply[RID_END..].strip_prefix("\",null,").ok_or("a reply with an error")?;
    Ok((slot, payload.strip_suffix(']').ok_or("half a reply")?))
}
