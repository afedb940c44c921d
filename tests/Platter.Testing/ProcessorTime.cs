using System.Runtime.InteropServices;
using Xunit;

namespace Platter.Testing;

/// <summary>What a piece of work costs the processor: unlike the time on the wall, it says the same on a busy machine.</summary>
public static partial class ProcessorTime
{
    /// <summary>The time that the calling thread has run until now.</summary>
    public static TimeSpan OfThread()
    {
        // CLOCK_THREAD_CPUTIME_ID, clock_gettime(2); the tests run on Linux alone.
        Assert.Equal(0, clock_gettime(3, out var time));
        return TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromMicroseconds(time.Nanoseconds / 1000);
    }

    /// <summary>What an action takes on the calling thread.</summary>
    public static TimeSpan Of(Action action)
    {
        var start = OfThread();
        action();
        return OfThread() - start;
    }

    private struct Time
    {
        public long Seconds, Nanoseconds;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Time time);
}
