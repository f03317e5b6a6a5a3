// The one place where Asio itself is compiled; every other file sees its declarations.
#include <boost/asio/impl/src.hpp>
