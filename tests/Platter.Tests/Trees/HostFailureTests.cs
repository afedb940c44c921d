using Platter.Blocks;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

public class HostFailureTests
{
    private const int NoSpace = 28, InputOutput = 5;       // ENOSPC, EIO

    [Fact]
    public void A_full_host_is_known_as_such_whoever_wrote_to_it()
    {
        Assert.True(HostErrors.IsHostFull((IOException)LinuxFiles.Failure("/a", NoSpace)));
        Assert.False(HostErrors.IsHostFull((IOException)LinuxFiles.Failure("/a", InputOutput)));
    }
}
