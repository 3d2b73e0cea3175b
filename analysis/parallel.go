package analysis

import (
	"context"
	"runtime"
	"sync"
)

// runAll runs the tasks on all cores and reports the share that is done, one
// report at a time, if report is not nil. Tasks write to places of their own, so
// that results do not depend on the number of threads. A context that ends stops
// it between tasks.
func runAll(ctx context.Context, tasks []func(), report func(done float64)) error {
	var group sync.WaitGroup
	var lock sync.Mutex
	started, done := 0, 0
	next := func() func() {
		lock.Lock()
		defer lock.Unlock()
		if started == len(tasks) || ctx.Err() != nil {
			return nil
		}
		started++
		return tasks[started-1]
	}
	for range min(runtime.GOMAXPROCS(0), len(tasks)) {
		group.Go(func() {
			for task := next(); task != nil; task = next() {
				task()
				lock.Lock()
				done++
				if report != nil {
					report(float64(done) / float64(len(tasks)))
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	if done < len(tasks) {
		return ctx.Err()
	}
	return nil
}
