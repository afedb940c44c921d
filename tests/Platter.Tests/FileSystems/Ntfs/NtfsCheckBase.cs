using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Damage made on purpose: each is found, and nothing that has nothing to do with it.</summary>
public abstract class NtfsCheckBase
{
    internal static TheoryData<string> NamesOf(IEnumerable<NtfsDamageKind> kinds) => [.. kinds.Select(k => k.What)];

    internal static void Expect(IEnumerable<NtfsDamageKind> kinds, string what)
    {
        var wanted = kinds.Single(k => k.What == what);
        var volume = NtfsDamageKinds.Sound(wanted.Volume);
        wanted.Make(volume);
        var report = new NtfsType().Check(volume.Device, CheckOptions.Default);
        var sound = NtfsDamageKinds.SoundCodes(wanted.Volume).Split(' ');
        var found = string.Join(' ', report.Findings.Select(f => f.Code).Except(sound).Distinct().Order(StringComparer.Ordinal));
        Assert.True(found == wanted.Codes, $"{what}: expected {wanted.Codes}, found {found}\n{string.Join('\n', report.Findings)}");
        Assert.Equal(!report.Findings.Any(f => f.Severity > Severity.Note), report.IsClean);
        Assert.All(report.Findings, f => Assert.True(f.Offset is null or >= 0, f.ToString()));
    }
}
