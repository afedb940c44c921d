using Platter.Blocks;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Every way to edit a FAT volume, with the power cut after every single write of it.</summary>
public class FatPowerCutTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(12, false)]
    [InlineData(12, true)]
    [InlineData(16, false)]
    [InlineData(16, true)]
    [InlineData(32, false)]
    [InlineData(32, true)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(int width, bool vhd)
    {
        var cuts = new VolumePowerCuts { Type = new FatType(), ClusterSize = 512, Judge = MkfsFat.Complaint, FreshLimit = vhd ? 64 << 10 : 0 };
        var outcome = cuts.Run(Ground(full: false), Ground(full: true), cuts.CommonEdits);
        output.WriteLine($"FAT{width} in {(vhd ? "a fixed VHD" : "a raw image")}: {outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by fsck.vfat");
        Assert.True(outcome.Points > 1000);

        // The volume that the edits start from, as the bytes of its image.
        byte[] Ground(bool full)
        {
            using var c = FatCase.OfWidth(width);
            cuts.Fill(c.Volume, full);
            c.AssertClean();
            var bytes = new byte[c.Device.Length];
            c.Device.Read(0, bytes);
            if (!vhd)
                return bytes;
            var host = new ResizableMemoryDevice(0);
            using var container = ContainerFormat.VhdFixed.Create(host, bytes.Length, new ContainerOptions { UniqueId = Guid.Empty, Created = c.Clock.Now });
            container.Disk.Write(0, bytes);
            var image = new byte[host.Length];
            host.Read(0, image);
            return image;
        }
    }
}
