package train

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"
	"time"
)

// A plan counts what the run does, and its times follow from those measured.
func TestRehearse(t *testing.T) {
	t.Chdir(t.TempDir())
	r := quick(t)
	s := prepared(t, r)
	phases := 0
	p, err := Rehearse(context.Background(), s, func(_ string, done float64) {
		phases++
		if !(done >= 0 && done <= 1) {
			t.Errorf("%v is done", done)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Params != s.Net.ParamCount() || p.MACs != s.Net.MACs() || p.Train != len(s.TrainIdx) || p.Validation != len(s.ValIdx) ||
		p.Test != len(s.Test.Labels()) || p.Updates != len(s.TrainIdx)/r.Batch || p.Batch != r.Batch || p.Epochs != r.Epochs || p.Classes != 10 {
		t.Errorf("plan is %+v", p)
	}
	if p.Measured < 1 || !(p.StepSeconds > 0) || !(p.ValidationSeconds > 0) || p.PeakRSS < 1<<20 || phases < p.Measured {
		t.Errorf("plan is %+v after %d phases", p, phases)
	}
	batches := math.Ceil(float64(p.Validation) / float64(p.Batch))
	if want := float64(p.Updates)*p.StepSeconds + batches*p.ValidationSeconds; math.Abs(p.EpochSeconds-want) > 1e-9*want {
		t.Errorf("an epoch takes %v s, want %v", p.EpochSeconds, want)
	}
	if p.RunSeconds < float64(p.Epochs)*p.EpochSeconds {
		t.Errorf("the run takes %v s, an epoch %v", p.RunSeconds, p.EpochSeconds)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("the rehearsal left %v, %v", left, err)
	}
}

func TestRehearseEnds(t *testing.T) {
	s := prepared(t, quick(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Rehearse(ctx, s, func(string, float64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted rehearsal says %v", err)
	}
}

// The call that warms up counts only if there is no other.
func TestPace(t *testing.T) {
	for calls, want := range map[int]int{0: 0, 1: 1, 2: 1, 3: 2, 9: 3} {
		n, seconds, err := pace(context.Background(), 0, func(i int, done float64) (bool, error) {
			if i < calls {
				time.Sleep(time.Millisecond)
			}
			return i < calls, nil
		})
		if err != nil || n != want || (calls > 0) != (seconds >= 1e-3) {
			t.Errorf("of %d calls %d were measured, %v s each, %v; want %d", calls, n, seconds, err, want)
		}
	}
	if _, _, err := pace(context.Background(), 0, func(int, float64) (bool, error) { return false, os.ErrClosed }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("an error is %v", err)
	}
}
