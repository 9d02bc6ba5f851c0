//! Typed reading of an object's fields.

use std::str::FromStr;

use serde_json::{Map, Value};
use weir_model::Field;

use super::error::{BodyError, Within};

/// A JSON object.
pub type Object = Map<String, Value>;

fn get<'a, T>(
    map: &'a Object,
    name: &str,
    expected: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Field<T>, BodyError> {
    match map.get(name) {
        None => Ok(Field::Unset),
        Some(Value::Null) => Ok(Field::Null),
        Some(value) => match read(value) {
            Some(read) => Ok(Field::Value(read)),
            None => Err(BodyError::wrong_type(expected, value)).within(name),
        },
    }
}

/// A bool.
pub fn boolean(map: &Object, name: &str) -> Result<Field<bool>, BodyError> {
    get(map, name, "true or false", Value::as_bool)
}

/// A whole number that fits.
pub fn number<T: TryFrom<u64>>(map: &Object, name: &str) -> Result<Field<T>, BodyError> {
    get(map, name, "a whole number", |value| value.as_u64().and_then(|number| T::try_from(number).ok()))
}

/// A text, as it stands in the body.
pub fn text<'a>(map: &'a Object, name: &str) -> Result<Field<&'a str>, BodyError> {
    get(map, name, "a text", Value::as_str)
}

/// A text with a form of its own: an id, an address.
pub fn parsed<T: FromStr>(map: &Object, name: &str) -> Result<Field<T>, BodyError> {
    get(map, name, "an id or address", |value| value.as_str()?.parse().ok())
}

/// An object.
pub fn object<'a>(map: &'a Object, name: &str) -> Result<Field<&'a Object>, BodyError> {
    get(map, name, "an object", Value::as_object)
}

/// A list of objects; nothing is the empty list.
pub fn objects<'a>(map: &'a Object, name: &str) -> Result<Vec<&'a Object>, BodyError> {
    let list = get(map, name, "a list", Value::as_array)?.value().map_or(&[] as &[Value], Vec::as_slice);
    let mut objects = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let item = item.as_object().ok_or_else(|| BodyError::wrong_type("an object", item));
        objects.push(item.at(index).within(name)?);
    }
    Ok(objects)
}

/// A list of texts.
pub fn texts(map: &Object, name: &str) -> Result<Field<Vec<String>>, BodyError> {
    get(map, name, "a list of texts", |value| {
        value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    })
}

/// The value, or an error that names the field.
pub fn required<T>(field: Field<T>, name: &str) -> Result<T, BodyError> {
    field.value().ok_or_else(|| BodyError::missing(name))
}
