// The one place where fmt itself is compiled: everybody else includes <fmt/core.h>, which only declares
// vformat(), and so does not pay for the library's code in every file. (The distribution ships no static
// libfmt.)
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
FMT_BEGIN_DETAIL_NAMESPACE
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
FMT_END_DETAIL_NAMESPACE
FMT_END_NAMESPACE
