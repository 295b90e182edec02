#pragma once
// A queue between two threads that holds at most `capacity` things: a fast producer waits for a slow
// consumer.
//
//   BoundedQueue<Frame> queue(4);
//   // producer                                  // consumer
//   while (read(frame))                          while (std::optional<Frame> frame = queue.pop())
//     if (!queue.push(std::move(frame))) break;    draw(*frame);
//   queue.close();                               queue.stop();      // where it gives up before the end

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

namespace vitrail {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False once the queue is closed or stopped: `value` is dropped, nobody would take it.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || values_.size() < capacity_; });
    if (ended_) return false;
    values_.push_back(std::move(value));
    changed_.notify_all();
    return true;
  }

  /// Never waits: drops the oldest values where there is no room, and adds how many to `dropped`. For what is
  /// worth less the older it is.
  template <class Count>
  bool replace(T value, Count& dropped) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    for (; values_.size() >= capacity_; ++dropped)
      values_.pop_front();
    values_.push_back(std::move(value));
    changed_.notify_all();
    return true;
  }

  /// Waits for a value; nothing once the queue is closed and empty, or stopped.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || !values_.empty(); });
    if (values_.empty()) return std::nullopt;
    T value = std::move(values_.front());
    values_.pop_front();
    changed_.notify_all();
    return value;
  }

  /// No more values come; those in the queue are still taken.
  void close() { end(false); }
  /// No more values come or are taken.
  void stop() { end(true); }

 private:
  void end(bool drop) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (drop) values_.clear();
    changed_.notify_all();
  }

  size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
  bool ended_ = false;
};

}  // namespace vitrail
