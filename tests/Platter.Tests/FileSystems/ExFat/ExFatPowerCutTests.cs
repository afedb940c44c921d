using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>Every way to edit an exFAT volume, with the power cut after every single write of it.</summary>
public class ExFatPowerCutTests(ITestOutputHelper output)
{
    // What only exFAT has: files in one piece that become chains, and lengths that are not all valid.
    private static readonly VolumePowerCuts.Edit[] OwnEdits =
    [
        new("append until a file in one piece becomes a chain", false, v =>
        {
            v.CreateFile(v.RootId, "behind", new MemoryStream(ConformanceCase.Bytes(10)), null, MetadataChange.None);
            using var stream = v.OpenWrite(v.Find("/dir/deep/x").Id, StreamName.Data);
            for (var i = 0; i < 3; i++)
            {
                stream.WriteAt(stream.Length, ConformanceCase.Bytes(5000, i));
                v.CreateFile(v.RootId, $"behind {i}", new MemoryStream(ConformanceCase.Bytes(10)), null, MetadataChange.None);
            }
        }),
        new("write beyond the valid length", false, v =>
        {
            using var stream = v.OpenWrite(v.Find("/file.txt").Id, StreamName.Data);
            stream.SetLength(100_000);
            v.Commit();
            stream.WriteAt(90_000, ConformanceCase.Bytes(100));
            v.Commit();
            stream.SetLength(91_000);
        }),
        new("grow a directory until it is a chain", false, v =>
        {
            var directory = v.Find("/empty").Id;
            for (var i = 0; i < 30; i++)
            {
                v.CreateFile(directory, $"a name that takes several entries {i}", MetadataChange.None);
                v.CreateFile(v.RootId, $"between {i}", new MemoryStream(ConformanceCase.Bytes(10)), null, MetadataChange.None);
            }
        }),
    ];

    [Theory]
    [InlineData(512, 512)]
    [InlineData(512, 4096)]
    [InlineData(4096, 4096)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(int sectorSize, int clusterSize)
    {
        var cuts = new VolumePowerCuts { Type = new ExFatType(), ClusterSize = clusterSize, Judge = MkfsExFat.Complaint, FreshLimit = sectorSize == 4096 ? 64 << 10 : 0 };
        var outcome = cuts.Run(Ground(full: false), Ground(full: true), [.. cuts.CommonEdits, .. OwnEdits]);
        output.WriteLine($"sectors of {sectorSize}, clusters of {clusterSize}: {outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by fsck.exfat");
        Assert.True(outcome.Points > 1000);

        byte[] Ground(bool full)
        {
            using var c = new ExFatCase($"-c {clusterSize} -b 64K", 2 << 20, sectorSize);
            cuts.Fill(c.Volume, full);
            c.AssertClean();
            var bytes = new byte[c.Device.Length];
            c.Device.Read(0, bytes);
            return bytes;
        }
    }
}
