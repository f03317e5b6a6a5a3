#include "execd/executions.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace osb::execd {

Executions::Executions(net::asio::any_io_executor executor, ExecutionLimits limits)
    : executor_(std::move(executor)),
      limits_(limits),
      budget_(std::make_shared<JournalBudget>(limits.bytes)),
      retention_(executor_, limits.time, [this] { return forget_due(); }) {
  budget_->on_exceeded([this] { make_room(); });
}

Executions::~Executions() { budget_->on_exceeded(nullptr); }

std::shared_ptr<Execution> Executions::begin(std::string id, std::string operation) {
  forget_old();
  auto execution = std::make_shared<Execution>();
  execution->id = std::move(id);
  execution->operation = std::move(operation);
  execution->journal = std::make_shared<Journal>(executor_, limits_.journal_bytes, budget_);
  execution->journal->on_close([this, alive = std::weak_ptr(alive_), id = execution->id] {
    if (!alive.expired()) ended(id);
  });
  executions_[execution->id] = execution;
  return execution;
}

std::shared_ptr<Execution> Executions::find(const std::string& id) {
  forget_old();
  auto found = executions_.find(id);
  return found == executions_.end() ? nullptr : found->second;
}

void Executions::tell_observer(const Execution& execution) const {
  if (!observer_ || execution.operation.empty()) return;
  observer_(execution.operation, !execution.journal->failed(),
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - execution.began));
}

void Executions::ended(const std::string& id) {
  if (auto found = executions_.find(id); found != executions_.end()) tell_observer(*found->second);
  ended_.push_back({id, Clock::now()});
  forget_old();
  retention_.begin();
}

void Executions::forget_old() {
  while (!ended_.empty() &&
         (ended_.size() > limits_.ended || Clock::now() - ended_.front().at > limits_.time))
    forget_oldest();
}

std::optional<std::chrono::milliseconds> Executions::forget_due() {
  forget_old();
  if (ended_.empty()) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(ended_.front().at + limits_.time - Clock::now());
}

// A client that is reading it keeps the journal until it has got everything.
void Executions::forget_oldest() {
  executions_.erase(ended_.front().id);
  ended_.pop_front();
}

void Executions::make_room() {
  while (budget_->used() > budget_->limit() && !ended_.empty()) forget_oldest();
  if (budget_->used() <= budget_->limit()) return;
  std::vector<Journal*> journals;
  for (const auto& [id, execution] : executions_) journals.push_back(execution->journal.get());
  std::ranges::sort(journals, std::greater(), &Journal::size);
  for (Journal* journal : journals) {
    size_t excess = budget_->used() - budget_->limit();
    journal->shrink_to(journal->size() - std::min(journal->size(), excess));
    if (budget_->used() <= budget_->limit()) return;
  }
}

}  // namespace osb::execd
