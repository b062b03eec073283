#include "core/executor.h"

#include <gtest/gtest.h>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "core/cancel.h"

namespace foveate {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong{20'000};

TEST(Executor, RunsEveryTaskOnALane) {
  Executor executor(3, "test");
  EXPECT_EQ(executor.lanes(), 3u);
  std::atomic<int> done{0};
  std::atomic<bool> in_range{true};
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(executor.submit([&](std::size_t lane) {
      if (lane >= 3) in_range = false;
      ++done;
    }));
  }
  EXPECT_TRUE(executor.stop(kLong));
  EXPECT_EQ(done, 1000);
  EXPECT_TRUE(in_range);
}

TEST(Executor, OneLaneKeepsTheOrder) {
  Executor executor(1, "test");
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) executor.submit([&order, i](std::size_t) { order.push_back(i); });
  ASSERT_TRUE(executor.stop(kLong));
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Executor, LanesWorkAtTheSameTime) {
  Executor executor(2, "test");
  std::promise<void> first_is_in;
  std::promise<void> second_is_in;
  executor.submit([&](std::size_t) {
    first_is_in.set_value();
    second_is_in.get_future().wait();
  });
  executor.submit([&](std::size_t) {
    second_is_in.set_value();
    first_is_in.get_future().wait();
  });
  EXPECT_TRUE(executor.stop(kLong));
}

TEST(Executor, ALaneNeverRunsTwoTasksAtOnce) {
  constexpr std::size_t kLanes = 4;
  Executor executor(kLanes, "test");
  std::vector<int> counts(kLanes, 0);  // unguarded on purpose: only its lane writes an element
  for (int i = 0; i < 2000; ++i) executor.submit([&](std::size_t lane) { ++counts[lane]; });
  ASSERT_TRUE(executor.stop(kLong));
  int sum = 0;
  for (const int count : counts) sum += count;
  EXPECT_EQ(sum, 2000);
}

TEST(Executor, TasksMaySubmitTasks) {
  Executor executor(2, "test");
  std::promise<void> inner;
  executor.submit([&](std::size_t) { executor.submit([&](std::size_t) { inner.set_value(); }); });
  EXPECT_EQ(inner.get_future().wait_for(kLong), std::future_status::ready);
}

TEST(Executor, StopRunsTheQueueAndTakesNoMore) {
  Executor executor(1, "test");
  std::promise<void> gate;
  std::promise<void> started;
  int done = 0;
  executor.submit([&](std::size_t) {
    started.set_value();
    gate.get_future().wait();
  });
  started.get_future().wait();
  for (int i = 0; i < 5; ++i) executor.submit([&](std::size_t) { ++done; });
  EXPECT_EQ(executor.queued(), 5u);
  EXPECT_FALSE(executor.stop(milliseconds(20)));
  EXPECT_FALSE(executor.submit([](std::size_t) {}));
  gate.set_value();
  EXPECT_TRUE(executor.stop(kLong));
  EXPECT_EQ(done, 5);
  EXPECT_EQ(executor.queued(), 0u);
}

TEST(Executor, WhatATaskOwnsIsFreedBeforeTheNextWait) {
  Executor executor(1, "test");
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = owned;
  executor.submit([owned = std::move(owned)](std::size_t) {});
  std::promise<bool> freed;
  executor.submit([&](std::size_t) { freed.set_value(watched.expired()); });
  EXPECT_TRUE(freed.get_future().get());
}

TEST(Executor, DestructionWaitsForTheLanes) {
  std::atomic<int> done{0};
  {
    Executor executor(2, "test");
    for (int i = 0; i < 20; ++i) {
      executor.submit([&](std::size_t) {
        std::this_thread::sleep_for(milliseconds(1));
        ++done;
      });
    }
  }
  EXPECT_EQ(done, 20);
}

TEST(Executor, StartsAndStopsOftenWithoutLeavingThreads) {
  for (int i = 0; i < 200; ++i) {
    Executor executor(4, "test");
    std::atomic<int> done{0};
    for (int task = 0; task < 8; ++task) executor.submit([&](std::size_t) { ++done; });
    ASSERT_TRUE(executor.stop(kLong));
    ASSERT_EQ(done, 8);
  }
}

TEST(Executor, WithoutThreadsThereIsNoLane) {
  pthread_attr_t usual;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  pthread_attr_t impossible;
  ASSERT_EQ(pthread_attr_init(&impossible), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&impossible, std::size_t{1} << 50), 0);  // more than an address space
  ASSERT_EQ(pthread_setattr_default_np(&impossible), 0);
  {
    Executor executor(2, "test");
    EXPECT_EQ(executor.lanes(), 0u);
    EXPECT_FALSE(executor.submit([](std::size_t) {}));
    EXPECT_TRUE(executor.stop(kLong));
  }
  pthread_setattr_default_np(&usual);
  pthread_attr_destroy(&impossible);
  pthread_attr_destroy(&usual);
}

TEST(CancelToken, InterruptsEveryOpenScopeOnce) {
  CancelToken token;
  int first = 0;
  int second = 0;
  int closed = 0;
  {
    CancelScope a(&token, [&] { ++first; });
    {
      CancelScope gone(&token, [&] { ++closed; });
    }
    CancelScope b(&token, [&] { ++second; });
    EXPECT_FALSE(token.cancelled());
    token.cancel();
    token.cancel();
    EXPECT_TRUE(token.cancelled());
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(closed, 0);
}

TEST(CancelToken, ScopesCloseInAnyOrder) {
  CancelToken token;
  std::vector<int> hits(3, 0);
  auto a = std::make_unique<CancelScope>(&token, [&] { ++hits[0]; });
  auto b = std::make_unique<CancelScope>(&token, [&] { ++hits[1]; });
  auto c = std::make_unique<CancelScope>(&token, [&] { ++hits[2]; });
  b.reset();
  a.reset();
  token.cancel();
  EXPECT_EQ(hits, (std::vector<int>{0, 0, 1}));
}

TEST(CancelToken, AScopeOpenedTooLateIsInterruptedAtOnce) {
  CancelToken token;
  token.cancel();
  int interrupted = 0;
  {
    CancelScope scope(&token, [&] { ++interrupted; });
    EXPECT_EQ(interrupted, 1);
    token.cancel();
  }
  EXPECT_EQ(interrupted, 1);
}

TEST(CancelToken, NoTokenIsNeverCancelled) {
  int interrupted = 0;
  {
    CancelScope scope(nullptr, [&] { ++interrupted; });
  }
  EXPECT_EQ(interrupted, 0);
}

TEST(CancelToken, AnInterruptNeverOutlivesItsScope) {
  for (int round = 0; round < 500; ++round) {
    const auto token = std::make_shared<CancelToken>();
    std::thread canceller([token] { token->cancel(); });
    for (int i = 0; i < 10; ++i) {
      auto target = std::make_unique<std::atomic<int>>(0);
      {
        CancelScope scope(token.get(), [&] { ++*target; });
      }
      EXPECT_LE(target->load(), 1);
    }
    canceller.join();
  }
}

TEST(Executor, YieldsToTheThreadsOfTheProgram) {
  Executor executor(1, "test");
  std::promise<int> niceness;
  ASSERT_TRUE(executor.submit(
      [&](std::size_t) { niceness.set_value(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()))); }));
  EXPECT_GT(niceness.get_future().get(), ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())));
}

TEST(Executor, LosesNothingWhileItLooksForTasks) {
  Executor executor(2, "test", std::chrono::microseconds(50));
  for (int round = 0; round < 2000; ++round) {
    std::promise<void> done;
    ASSERT_TRUE(executor.submit([&](std::size_t) { done.set_value(); }));
    done.get_future().wait();
    if (round % 10 == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(50));  // some come just as a lane gives up
  }
  EXPECT_TRUE(executor.stop(std::chrono::seconds(10)));
}

}  // namespace
}  // namespace foveate
