#include "libs/net/address_order.h"

#include <gtest/gtest.h>

namespace reliability::net {
namespace {

Addresses Parse(std::initializer_list<const char*> texts) {
  Addresses addresses;
  for (const char* text : texts) {
    addresses.push_back(boost::asio::ip::make_address(text));
  }
  return addresses;
}

TEST(AddressOrder, FamiliesTakeTurns) {
  const Addresses mixed = Parse({"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2"});
  EXPECT_EQ(Interleave(mixed, false),
            Parse({"2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(Interleave(mixed, true),
            Parse({"10.0.0.1", "2001:db8::1", "10.0.0.2", "2001:db8::2", "10.0.0.3"}));
  EXPECT_EQ(Interleave(Parse({"10.0.0.1"}), false), Parse({"10.0.0.1"}));
  EXPECT_TRUE(Interleave({}, true).empty());
}

TEST(AddressOrder, WhatCannotBeReachedComesLast) {
  // A link-local address without its interface leads nowhere.
  const Addresses ordered = OrderAddresses(Parse({"fe80::1", "127.0.0.2", "127.0.0.3"}));
  ASSERT_EQ(ordered.size(), 3U);
  EXPECT_EQ(ordered[0].to_string(), "127.0.0.2");
  EXPECT_EQ(ordered[1].to_string(), "127.0.0.3");
}

}  // namespace
}  // namespace reliability::net
